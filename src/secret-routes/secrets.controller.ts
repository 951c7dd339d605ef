import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Command } from '../commands/command.decorator';
import { noContent } from '../common/http/answer';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { offsetNeighbours, pageHeaders, pageHeadersOf } from '../common/http/page-headers';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { OffsetPageQueryDto } from '../common/validation/offset-page.query.dto';
import { requireProjectId } from '../rights/project-refusals';
import { ProjectItemParamDto, PutSecretDto, PutSecretQueryDto, SECRET_EXAMPLE, SecretDto, SecretPreviewDto } from './dto/secret.dto';
import { ProjectSecretsService } from './project-secrets.service';
import { secretAnswer } from './secret-answers';
import type { PutSecret } from './secret.types';

const EXAMPLES = { password: { summary: 'A password', value: SECRET_EXAMPLE } };

/** The secrets of a project: written by maintainers, used by deployers, and never shown. */
@ApiTags('projects')
@ApiBearerAuth()
@Controller('projects/:id/secrets')
export class SecretsController {
  constructor(private readonly secrets: ProjectSecretsService) {}

  @Get()
  @FailureWords('Failed to list the secrets')
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOperation({ summary: 'List the secrets of a project by name, without their values' })
  @ApiOkResponse({ type: [SecretDto], headers: pageHeadersOf('Secrets') })
  @ApiProblem('not_found')
  async list(
    @Param('id') id: string,
    @Query() query: OffsetPageQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SecretDto[]> {
    const { rows, total } = await this.secrets.page(requireProjectId(id), query, actor);
    void reply.headers(pageHeaders(request.url, total, offsetNeighbours(query, total)));
    return rows.map((row) => SecretDto.of(row));
  }

  @Get(':name')
  @RefuseExtras('query')
  @FailureWords('Failed to retrieve the secret')
  @ApiOperation({ summary: 'See a secret, without its value' })
  @ApiOkResponse({ type: SecretDto })
  @ApiProblem('not_found')
  async get(@Param() { id, name }: ProjectItemParamDto, @CurrentActor() actor: Actor): Promise<SecretDto> {
    return SecretDto.of(await this.secrets.get(requireProjectId(id), name, actor));
  }

  @Put(':name')
  @FailureWords('The secret was not set')
  @ApiOperation({
    summary: 'Set a secret',
    description: 'What runs keeps its value until its next revision.',
  })
  @Command(secretAnswer)
  @ApiBody({ type: PutSecretDto, examples: EXAMPLES })
  @ApiOkResponse({ type: SecretDto })
  @ApiProblem('role_required', 'not_found', 'quota_exceeded', 'conflict')
  put(
    @Param() { id, name }: ProjectItemParamDto,
    @Query() { restart }: PutSecretQueryDto,
    @Body() { value }: PutSecretDto,
    @Context() context: RequestContext,
  ): Promise<PutSecret> {
    return this.secrets.put(requireProjectId(id), { name, value, restart }, context);
  }

  @Post(':name/preview')
  @HttpCode(200)
  @FailureWords('Failed to preview the secret')
  @ApiOperation({ summary: 'Preview what setting a secret would do' })
  @ApiBody({ type: PutSecretDto, examples: EXAMPLES })
  @ApiOkResponse({ type: SecretPreviewDto })
  @ApiProblem('role_required', 'not_found', 'conflict')
  async preview(
    @Param() { id, name }: ProjectItemParamDto,
    @Query() { restart }: PutSecretQueryDto,
    @Body() { value }: PutSecretDto,
    @CurrentActor() actor: Actor,
  ): Promise<SecretPreviewDto> {
    return SecretPreviewDto.of(await this.secrets.preview(requireProjectId(id), { name, value, restart }, actor));
  }

  @Delete(':name')
  @HttpCode(204)
  @RefuseExtras('body', 'query')
  @FailureWords('The secret was not deleted')
  @ApiOperation({ summary: 'Delete a secret that no live deployment uses' })
  @Command(noContent)
  @ApiNoContentResponse()
  @ApiProblem('role_required', 'not_found', 'secret_in_use')
  remove(@Param() { id, name }: ProjectItemParamDto, @Context() context: RequestContext): Promise<void> {
    return this.secrets.remove(requireProjectId(id), name, context);
  }
}
