import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { noContent } from '../common/http/answer';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { requireProjectId } from '../rights/project-refusals';
import { PutRegistryDto, REGISTRY_EXAMPLES, RegistryDto, RegistryPreviewDto } from './dto/registry.dto';
import { ProjectItemParamDto } from './dto/secret.dto';
import { RegistriesService } from './registries.service';
import type { RegistryView } from '../secrets/registries.repository';
import { registryAnswer } from './secret-answers';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageHeadersOf } from '../common/http/page-headers';
import { pageOfAll } from '../common/http/page-of-all';
import { ShortListQueryDto } from '../common/validation/short-list.query.dto';

/** The credentials of a project for registries. */
@ApiTags('projects')
@ApiBearerAuth()
@Controller('projects/:id/registries')
export class RegistriesController {
  constructor(private readonly registries: RegistriesService) {}

  @Get()
  @FailureWords('Failed to list the registries')
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOperation({ summary: 'List the registries of a project by name, without their passwords' })
  @ApiOkResponse({ type: [RegistryDto], headers: pageHeadersOf('Registries') })
  @ApiProblem('not_found')
  async list(
    @Param('id') id: string,
    @Query() query: ShortListQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RegistryDto[]> {
    return pageOfAll(
      (await this.registries.list(requireProjectId(id), actor)).map((row) => RegistryDto.of(row)),
      query,
      { request, reply },
    );
  }

  @Get(':name')
  @RefuseExtras('query')
  @FailureWords('Failed to retrieve the registry')
  @ApiOperation({ summary: 'See a registry, without its password' })
  @ApiOkResponse({ type: RegistryDto })
  @ApiProblem('not_found')
  async get(@Param() { id, name }: ProjectItemParamDto, @CurrentActor() actor: Actor): Promise<RegistryDto> {
    return RegistryDto.of(await this.registries.get(requireProjectId(id), name, actor));
  }

  @Put(':name')
  @RefuseExtras('query')
  @FailureWords('The registry was not set')
  @ApiOperation({
    summary: 'Set the credential with which images of a registry are pulled',
  })
  @Command(registryAnswer)
  @ApiBody({ type: PutRegistryDto, examples: REGISTRY_EXAMPLES })
  @ApiOkResponse({ type: RegistryDto })
  @ApiProblem('role_required', 'not_found', 'conflict')
  put(@Param() { id, name }: ProjectItemParamDto, @Body() body: PutRegistryDto, @Context() context: RequestContext): Promise<RegistryView> {
    return this.registries.put(requireProjectId(id), { ...body, name }, context);
  }

  @Post(':name/preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to ask the registry')
  @ApiOperation({ summary: 'Ask a registry whether it accepts a credential' })
  @ApiBody({ type: PutRegistryDto, examples: REGISTRY_EXAMPLES })
  @ApiOkResponse({ type: RegistryPreviewDto })
  @ApiProblem('role_required', 'not_found')
  async preview(
    @Param() { id, name }: ProjectItemParamDto,
    @Body() body: PutRegistryDto,
    @CurrentActor() actor: Actor,
  ): Promise<RegistryPreviewDto> {
    return RegistryPreviewDto.of(await this.registries.preview(requireProjectId(id), { ...body, name }, actor));
  }

  @Delete(':name')
  @HttpCode(204)
  @RefuseExtras('body', 'query')
  @FailureWords('The registry was not deleted')
  @ApiOperation({ summary: 'Delete the credential for a registry' })
  @Command(noContent)
  @ApiNoContentResponse()
  @ApiProblem('role_required', 'not_found')
  remove(@Param() { id, name }: ProjectItemParamDto, @Context() context: RequestContext): Promise<void> {
    return this.registries.remove(requireProjectId(id), name, context);
  }
}
