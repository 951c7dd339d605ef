import { Body, Controller, Delete, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { noContent } from '../common/http/answer';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { IdParamDto } from '../common/validation/id.param.dto';
import { ApiTokensService, type CreatedApiToken } from './api-tokens.service';
import { createdApiTokenAnswer } from './auth-answers';
import { ApiTokenDto, bindingOf, CreateApiTokenDto, CreatedApiTokenDto } from './dto/api-token.dto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageHeadersOf } from '../common/http/page-headers';
import { pageOfAll } from '../common/http/page-of-all';
import { ShortListQueryDto } from '../common/validation/short-list.query.dto';

@ApiTags('auth')
@ApiBearerAuth()
@Controller('auth/tokens')
export class ApiTokensController {
  constructor(private readonly tokens: ApiTokensService) {}

  @Post()
  @Command(createdApiTokenAnswer)
  @ApiOperation({
    summary: 'Make an API token for a machine',
    description: 'The token is shown in this answer only. One that is made with another API token expires no later than that one.',
  })
  @ApiCreatedResponse({ type: CreatedApiTokenDto })
  @ApiProblem('conflict', 'not_found')
  create(@Body() body: CreateApiTokenDto, @Context() context: RequestContext): Promise<CreatedApiToken> {
    const settings = { name: body.name, readOnly: body.read_only, expiresInDays: body.expires_in_days, binding: bindingOf(body) };
    return this.tokens.create(settings, context);
  }

  @Get()
  @ApiOperation({ summary: 'List your API tokens', description: 'Newest first, at most 100; the tokens themselves are not shown.' })
  @ApiOkResponse({ type: [ApiTokenDto], headers: pageHeadersOf('API tokens') })
  async list(
    @Query() query: ShortListQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiTokenDto[]> {
    return pageOfAll(
      (await this.tokens.list(actor)).map((record) => ApiTokenDto.from(record)),
      query,
      { request, reply },
    );
  }

  @Delete(':id')
  @Command(noContent)
  @ApiOperation({ summary: 'Revoke one of your API tokens' })
  @ApiNoContentResponse()
  @ApiProblem('not_found')
  revoke(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<void> {
    return this.tokens.revoke(id, context);
  }
}
