import { Controller, Delete, Get, HttpCode, Param, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { offsetNeighbours, pageHeaders, pageHeadersOf } from '../common/http/page-headers';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { OffsetPageQueryDto } from '../common/validation/offset-page.query.dto';
import { requireProjectId } from '../rights/project-refusals';
import { VolumeDto, VolumeParamDto } from './dto/volume.dto';
import { ProjectVolumesService } from './project-volumes.service';
import { removedVolumeAnswer } from './volume-answers';
import type { ShownVolume } from './volume.types';

/** The volumes of a project. Deployments make them by naming them; what is made so is removed here, or with the last deployment that mounts it. */
@ApiTags('projects')
@ApiBearerAuth()
@Controller('projects/:id/volumes')
export class VolumesController {
  constructor(private readonly volumes: ProjectVolumesService) {}

  @Get()
  @FailureWords('Failed to list the volumes')
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOperation({ summary: 'List the volumes of a project: where they are and what mounts them' })
  @ApiOkResponse({ type: [VolumeDto], headers: pageHeadersOf('Volumes') })
  @ApiProblem('not_found')
  async list(
    @Param('id') id: string,
    @Query() query: OffsetPageQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VolumeDto[]> {
    const { rows, total } = await this.volumes.page(requireProjectId(id), query, actor);
    void reply.headers(pageHeaders(request.url, total, offsetNeighbours(query, total)));
    return rows.map((row) => VolumeDto.of(row));
  }

  @Get(':name')
  @RefuseExtras('query')
  @FailureWords('Failed to retrieve the volume')
  @ApiOperation({ summary: 'See a volume' })
  @ApiOkResponse({ type: VolumeDto })
  @ApiProblem('not_found')
  async get(@Param() { id, name }: VolumeParamDto, @CurrentActor() actor: Actor): Promise<VolumeDto> {
    return VolumeDto.of(await this.volumes.get(requireProjectId(id), name, actor));
  }

  @Delete(':name')
  @HttpCode(202)
  @RefuseExtras('body', 'query')
  @FailureWords('The volume was not deleted')
  @ApiOperation({
    summary: 'Delete a volume that no deployment mounts, with its data',
    description:
      'Deleted deployments that can still be restored count. Its name is free at once; it is gone when its engine has confirmed that.',
  })
  @Command(removedVolumeAnswer)
  @ApiAcceptedResponse({ type: VolumeDto })
  @ApiProblem('role_required', 'not_found', 'volume_in_use')
  remove(@Param() { id, name }: VolumeParamDto, @Context() context: RequestContext): Promise<ShownVolume> {
    return this.volumes.remove(requireProjectId(id), name, context);
  }
}
