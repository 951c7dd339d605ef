import { Body, Controller, Get, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AdminOnly } from '../auth/admin-only.decorator';
import { UpdateUserDto } from '../auth/dto/user.dto';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { offsetNeighbours, pageHeaders, pageHeadersOf } from '../common/http/page-headers';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { IdParamDto } from '../common/validation/id.param.dto';
import { ownQuotaOf } from '../quotas/dto/own-quota.dto';
import { accountAnswer, addedAnswer, linkAnswer } from './account-answers';
import type { AccountRecord, OpenedLink } from './account.types';
import { AccountsService, type AddedAccount } from './accounts.service';
import { AccountDto, AddedUserDto, AddUserDto, ChangeUserDto, PasswordLinkDto } from './dto/account.dto';
import { ListUsersQuery } from './dto/list-users.query';

/** What administrators do with the accounts of others. */
@ApiTags('auth')
@ApiBearerAuth()
@AdminOnly()
@Controller()
export class UsersController {
  constructor(private readonly accounts: AccountsService) {}

  @Get('users')
  @FailureWords('Failed to list users')
  @ApiOperation({ summary: 'List the users, by name' })
  @ApiOkResponse({
    type: [AccountDto],
    headers: pageHeadersOf('Users'),
  })
  async list(
    @Query() query: ListUsersQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AccountDto[]> {
    const { accounts, total } = await this.accounts.list(query);
    void reply.headers(pageHeaders(request.url, total, offsetNeighbours(query, total)));
    return accounts.map((account) => AccountDto.of(account));
  }

  @Get('users/:id')
  @FailureWords('Failed to retrieve the user')
  @ApiOperation({ summary: 'Show a user' })
  @ApiOkResponse({ type: AccountDto })
  @ApiProblem('not_found')
  async get(@Param() { id }: IdParamDto): Promise<AccountDto> {
    return AccountDto.of(await this.accounts.get(id));
  }

  @Post('users')
  @RefuseExtras('query')
  @FailureWords('Adding the user failed')
  @ApiOperation({
    summary: 'Add a user',
    description:
      'For administrators, also while registration is closed. Without a `password` the answer has a one-time link: hand it over, and the user sets a password with `POST /api/auth/password-reset/confirm` within 24 hours.',
  })
  @Command(addedAnswer)
  @ApiCreatedResponse({ type: AddedUserDto })
  @ApiProblem('already_exists')
  add(@Body() body: AddUserDto, @Context() context: RequestContext): Promise<AddedAccount> {
    return this.accounts.add(body, context);
  }

  @Patch('users/:id')
  @RefuseExtras('query')
  @Command(accountAnswer)
  @FailureWords('Change of the user failed')
  @ApiOperation({
    summary: 'Switch a user off or on, make or unmake an administrator, change the e-mail address or the quota',
    description: 'Every credential of a user who is off answers 403; who is switched on again logs in anew and makes new API tokens.',
  })
  @ApiOkResponse({ type: AccountDto })
  @ApiProblem('not_found', 'conflict', 'already_exists')
  change(@Param() { id }: IdParamDto, @Body() body: ChangeUserDto, @Context() context: RequestContext): Promise<AccountRecord> {
    const change = { isActive: body.is_active, isAdmin: body.is_admin, email: body.email, quota: body.quota && ownQuotaOf(body.quota) };
    return this.accounts.change(id, change, context);
  }

  @Patch('auth/users/:id')
  @Command(accountAnswer)
  @ApiOperation({ summary: 'Switch a user off or on', description: 'As `PATCH /api/users/{id}`.', deprecated: true })
  @ApiOkResponse({ type: AccountDto })
  @ApiProblem('not_found', 'conflict')
  update(@Param() { id }: IdParamDto, @Body() body: UpdateUserDto, @Context() context: RequestContext): Promise<AccountRecord> {
    return this.accounts.change(id, { isActive: body.is_active }, context);
  }

  @Post('users/:id/unlock')
  @RefuseExtras('body', 'query')
  @Command(accountAnswer)
  @FailureWords('Unlocking the user failed')
  @ApiOperation({ summary: 'Unlock a user whose name wrong passwords have locked' })
  @ApiOkResponse({ type: AccountDto })
  @ApiProblem('not_found')
  unlock(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<AccountRecord> {
    return this.accounts.unlock(id, context);
  }

  @Post('users/:id/password-link')
  @RefuseExtras('body', 'query')
  @Command(linkAnswer)
  @FailureWords('Making the link failed')
  @ApiOperation({
    summary: 'Make a one-time link with which a user sets a new password',
    description: 'For 24 hours; shown in this answer only. The password of now goes on until the link is used.',
  })
  @ApiCreatedResponse({ type: PasswordLinkDto })
  @ApiProblem('not_found', 'conflict')
  makeLink(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<OpenedLink> {
    return this.accounts.makeLink(id, context);
  }
}
