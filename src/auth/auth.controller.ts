import { Body, Controller, Get, Patch, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { noContent } from '../common/http/answer';
import { Context, OpenContext } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, OpenRequestContext, RequestContext } from '../common/request-context';
import { registeredAnswer, tokenPairAnswer, userAnswer } from './auth-answers';
import { AuthRateLimitGuard } from '../rate-limits/auth-rate-limit.guard';
import { LoginDto, RefreshDto, TokenPairDto } from './dto/login.dto';
import { RegisterDto } from './dto/register.dto';
import { ChangeMeDto, UserDto } from './dto/user.dto';
import type { UserRecord } from './identity';
import { LoginService } from './login.service';
import { Public } from './public.decorator';
import { SessionsService, type TokenPair } from './sessions.service';
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
  @Command(registeredAnswer)
  @UseGuards(AuthRateLimitGuard)
  @ApiOperation({ summary: 'Make an account', description: 'Public, unless the operator has closed registration.' })
  @ApiCreatedResponse({ type: UserDto })
  @ApiProblem('registration_closed', 'already_exists')
  register(@Body() body: RegisterDto, @OpenContext() context: OpenRequestContext): Promise<UserRecord> {
    return this.users.register(body, context);
  }

  @Post('login')
  @Public()
  @Command(tokenPairAnswer)
  @UseGuards(AuthRateLimitGuard)
  @ApiOperation({
    summary: 'Log in with user name and password',
    description:
      'Several wrong passwords in a row lock the name for a while, whether there is such a user or not; `Retry-After` says how long.',
  })
  @ApiOkResponse({ type: TokenPairDto })
  @ApiProblem('bad_credentials', 'inactive_user', 'account_locked')
  logIn(@Body() { username, password }: LoginDto, @OpenContext() context: OpenRequestContext): Promise<TokenPair> {
    return this.logins.logIn(username, password, context);
  }

  @Post('refresh')
  @Public()
  @Command(tokenPairAnswer)
  @UseGuards(AuthRateLimitGuard)
  @ApiOperation({
    summary: 'Exchange a refresh token for a new pair',
    description:
      'Each refresh token is good for one use. Using one twice, also at the same moment, revokes the whole session with all its tokens, because then two hold it: let only one part of a client refresh.',
  })
  @ApiOkResponse({ type: TokenPairDto })
  @ApiProblem('unauthenticated', 'inactive_user')
  refresh(@Body() { refresh_token: refreshToken }: RefreshDto, @OpenContext() context: OpenRequestContext): Promise<TokenPair> {
    return this.sessions.refresh(refreshToken, context);
  }

  @Post('logout')
  @Command(noContent)
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Revoke the session', description: 'Its access and refresh tokens are refused from now on.' })
  @ApiNoContentResponse()
  @ApiProblem('conflict')
  logOut(@Context() context: RequestContext): Promise<void> {
    return this.sessions.logOut(context);
  }

  @Get('me')
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Who am I?' })
  @ApiOkResponse({ type: UserDto })
  async me(@CurrentActor() actor: Actor): Promise<UserDto> {
    return UserDto.from(await this.users.get(actor.userId));
  }

  @Patch('me')
  @Command(userAnswer)
  @ApiBearerAuth()
  @ApiOperation({
    summary: 'Change your e-mail address',
    description: 'E-mails go to the new address from now on. Log-in is not concerned: it goes by the user name.',
  })
  @ApiOkResponse({ type: UserDto })
  @ApiProblem('already_exists')
  changeMe(@Body() { email }: ChangeMeDto, @Context() context: RequestContext): Promise<UserRecord> {
    return this.users.change({ email }, context);
  }
}
