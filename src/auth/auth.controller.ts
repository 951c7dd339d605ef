import { Body, Controller, Get, HttpCode, HttpStatus, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Context, Origin } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext, RequestOrigin } from '../common/request-context';
import { Idempotent } from '../idempotency/idempotent.decorator';
import { AuthThrottleGuard } from './auth-throttle.guard';
import { LoginDto, RefreshDto, TokenPairDto } from './dto/login.dto';
import { RegisterDto } from './dto/register.dto';
import { UserDto } from './dto/user.dto';
import { LoginService } from './login.service';
import { Public } from './public.decorator';
import { SessionsService } from './sessions.service';
import { UsersService } from './users.service';

@ApiTags('auth')
@Controller('auth')
export class AuthController {
  constructor(
    private readonly users: UsersService,
    private readonly logins: LoginService,
    private readonly sessions: SessionsService,
  ) {}

  @Post('register')
  @Public()
  @Idempotent()
  @UseGuards(AuthThrottleGuard)
  @ApiOperation({ summary: 'Make an account', description: 'Public, unless the operator has closed registration.' })
  @ApiCreatedResponse({ type: UserDto })
  @ApiProblem('malformed_json', 'registration_closed', 'already_exists', 'validation_failed', 'rate_limited', 'try_again')
  async register(@Body() body: RegisterDto, @Origin() origin: RequestOrigin): Promise<UserDto> {
    return UserDto.from(await this.users.register(body, origin));
  }

  @Post('login')
  @Public()
  @Idempotent()
  @UseGuards(AuthThrottleGuard)
  @HttpCode(HttpStatus.OK)
  @ApiOperation({
    summary: 'Log in with user name and password',
    description:
      'Several wrong passwords in a row lock the name for a while, whether there is such a user or not; `Retry-After` says how long.',
  })
  @ApiOkResponse({ type: TokenPairDto })
  @ApiProblem('malformed_json', 'bad_credentials', 'inactive_user', 'validation_failed', 'account_locked', 'rate_limited', 'try_again')
  async logIn(@Body() { username, password }: LoginDto, @Origin() origin: RequestOrigin): Promise<TokenPairDto> {
    return TokenPairDto.from(await this.logins.logIn(username, password, origin));
  }

  @Post('refresh')
  @Public()
  @Idempotent()
  @UseGuards(AuthThrottleGuard)
  @HttpCode(HttpStatus.OK)
  @ApiOperation({
    summary: 'Exchange a refresh token for a new pair',
    description:
      'Each refresh token is good for one use. Using one twice, also at the same moment, revokes the whole session with all its tokens, because then two hold it: let only one part of a client refresh.',
  })
  @ApiOkResponse({ type: TokenPairDto })
  @ApiProblem('malformed_json', 'unauthenticated', 'inactive_user', 'validation_failed', 'rate_limited', 'try_again')
  async refresh(@Body() { refresh_token: refreshToken }: RefreshDto, @Origin() origin: RequestOrigin): Promise<TokenPairDto> {
    return TokenPairDto.from(await this.sessions.refresh(refreshToken, origin));
  }

  @Post('logout')
  @Idempotent()
  @ApiBearerAuth()
  @HttpCode(HttpStatus.NO_CONTENT)
  @ApiOperation({ summary: 'Revoke the session', description: 'Its access and refresh tokens are refused from now on.' })
  @ApiNoContentResponse()
  @ApiProblem('unauthenticated', 'inactive_user', 'read_only_token', 'conflict', 'rate_limited', 'try_again')
  async logOut(@Context() context: RequestContext): Promise<void> {
    await this.sessions.logOut(context);
  }

  @Get('me')
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Who am I?' })
  @ApiOkResponse({ type: UserDto })
  @ApiProblem('unauthenticated', 'inactive_user', 'rate_limited', 'try_again')
  async me(@CurrentActor() actor: Actor): Promise<UserDto> {
    return UserDto.from(await this.users.get(actor.userId));
  }
}
