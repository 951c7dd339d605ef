import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ClientGone } from '../common/http/client-gone.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { requireDeploymentId } from '../deployments/refusals';
import { LogsQueryDto, ReplicaLogsDto } from './replica-logs.dto';
import { ReplicaLogsService } from './replica-logs.service';

@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment')
export class ReplicaLogsController {
  constructor(private readonly logs: ReplicaLogsService) {}

  @Get(':deployment_id/logs')
  @FailureWords('Failed to read logs')
  @ApiOperation({ summary: 'Read the last lines that the containers wrote', description: 'Of the replicas that have a container now.' })
  @ApiParam({ name: 'deployment_id', format: 'uuid', description: 'From the answer to POST /deploy' })
  @ApiOkResponse({ type: ReplicaLogsDto, isArray: true })
  @ApiProblem('not_found')
  read(
    @Param('deployment_id') id: string,
    @Query() query: LogsQueryDto,
    @CurrentActor() actor: Actor,
    @ClientGone() gone: AbortSignal,
  ): Promise<ReplicaLogsDto[]> {
    return this.logs.read(requireDeploymentId(id), query.tail, { actor, gone });
  }
}
