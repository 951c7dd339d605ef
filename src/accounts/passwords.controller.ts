import { Body, Controller, Post, UseGuards } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/public.decorator';
import { Command } from '../commands/command.decorator';
import { noContent } from '../common/http/answer';
import { Context, OpenContext } from '../common/http/context.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { OpenRequestContext, RequestContext } from '../common/request-context';
import { AuthRateLimitGuard } from '../rate-limits/auth-rate-limit.guard';
import { linkAskedAnswer } from './account-answers';
import { ChangePasswordDto, ConfirmPasswordDto, PasswordLinkAskedDto, RequestPasswordLinkDto } from './dto/password.dto';
import { PasswordsService } from './passwords.service';

@ApiTags('auth')
@UseGuards(AuthRateLimitGuard)
@Controller('auth')
export class PasswordsController {
  constructor(private readonly passwords: PasswordsService) {}

  @Post('password')
  @Command(noContent)
  @ApiBearerAuth()
  @ApiOperation({
    summary: 'Change your password',
    description: 'Your other sessions end; the one that you call with goes on, and so do API tokens: revoke those that you do not know.',
  })
  @ApiNoContentResponse()
  @ApiProblem('conflict', 'account_locked')
  change(@Body() body: ChangePasswordDto, @Context() context: RequestContext): Promise<void> {
    return this.passwords.change(body.current_password, body.new_password, context);
  }

  @Post('password-reset/request')
  @Public()
  @Command(linkAskedAnswer)
  @ApiOperation({
    summary: 'Have a one-time link mailed that sets a new password',
    description:
      'To the address of the account, at most every 15 minutes, good for an hour. The answer does not say whether there is such an account. Where no mail server is configured, an administrator makes a link: `POST /api/users/{id}/password-link`.',
  })
  @ApiAcceptedResponse({ type: PasswordLinkAskedDto })
  @ApiProblem('email_not_configured')
  request(@Body() body: RequestPasswordLinkDto, @OpenContext() context: OpenRequestContext): Promise<void> {
    return this.passwords.requestLink(body.username, context);
  }

  @Post('password-reset/confirm')
  @Public()
  @Command(noContent)
  @ApiOperation({ summary: 'Set a new password with a one-time link', description: 'All sessions of the account end. Log in anew.' })
  @ApiNoContentResponse()
  confirm(@Body() body: ConfirmPasswordDto, @OpenContext() context: OpenRequestContext): Promise<void> {
    return this.passwords.confirm(body.token, body.password, context);
  }
}
