import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { noContent } from '../common/http/answer';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { PutRegistryDto, REGISTRY_EXAMPLES, RegistryDto, RegistryParamDto, RegistryPreviewDto } from './dto/registry.dto';
import { RegistriesService } from './registries.service';
import type { RegistryView } from '../secrets/registries.repository';
import { registryAnswer } from './secret-answers';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageHeadersOf } from '../common/http/page-headers';
import { pageOfAll } from '../common/http/page-of-all';
import { ShortListQueryDto } from '../common/validation/short-list.query.dto';

/** The credentials of the installation for registries, which all projects pull with. */
@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/registries')
export class SharedRegistriesController {
  constructor(private readonly registries: RegistriesService) {}

  @Get()
  @FailureWords('Failed to list the registries')
  @ApiOperation({ summary: 'List the registries of the installation by name, without their passwords' })
  @ApiOkResponse({ type: [RegistryDto], headers: pageHeadersOf('Registries') })
  async list(
    @Query() query: ShortListQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RegistryDto[]> {
    return pageOfAll(
      (await this.registries.list(null, actor)).map((row) => RegistryDto.of(row)),
      query,
      { request, reply },
    );
  }

  @Get(':name')
  @RefuseExtras('query')
  @FailureWords('Failed to retrieve the registry')
  @ApiOperation({ summary: 'See a registry of the installation, without its password' })
  @ApiOkResponse({ type: RegistryDto })
  @ApiProblem('not_found')
  async get(@Param() { name }: RegistryParamDto, @CurrentActor() actor: Actor): Promise<RegistryDto> {
    return RegistryDto.of(await this.registries.get(null, name, actor));
  }

  @Put(':name')
  @RefuseExtras('query')
  @FailureWords('The registry was not set')
  @ApiOperation({
    summary: 'Set the credential with which all projects pull images of a registry',
  })
  @Command(registryAnswer)
  @ApiBody({ type: PutRegistryDto, examples: REGISTRY_EXAMPLES })
  @ApiOkResponse({ type: RegistryDto })
  @ApiProblem('conflict')
  put(@Param() { name }: RegistryParamDto, @Body() body: PutRegistryDto, @Context() context: RequestContext): Promise<RegistryView> {
    return this.registries.put(null, { ...body, name }, context);
  }

  @Post(':name/preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to ask the registry')
  @ApiOperation({ summary: 'Ask a registry whether it accepts a credential of the installation' })
  @ApiBody({ type: PutRegistryDto, examples: REGISTRY_EXAMPLES })
  @ApiOkResponse({ type: RegistryPreviewDto })
  async preview(
    @Param() { name }: RegistryParamDto,
    @Body() body: PutRegistryDto,
    @CurrentActor() actor: Actor,
  ): Promise<RegistryPreviewDto> {
    return RegistryPreviewDto.of(await this.registries.preview(null, { ...body, name }, actor));
  }

  @Delete(':name')
  @HttpCode(204)
  @RefuseExtras('body', 'query')
  @FailureWords('The registry was not deleted')
  @ApiOperation({ summary: 'Delete the credential of the installation for a registry' })
  @Command(noContent)
  @ApiNoContentResponse()
  @ApiProblem('not_found')
  remove(@Param() { name }: RegistryParamDto, @Context() context: RequestContext): Promise<void> {
    return this.registries.remove(null, name, context);
  }
}
