import { ApiProperty } from '@nestjs/swagger';
import { PLACEMENT_STRATEGIES, type Placement, type PlacementExplanation, type PlacementStrategy } from '../../scheduling/place.types';

export class ScorePartsDto {
  @ApiProperty({ description: 'Weighted sum, 0..1' })
  total!: number;

  @ApiProperty({ description: 'Mean free share of CPU and memory after placement, weight 0.4' })
  free!: number;

  @ApiProperty({ description: '1 - CPU usage, weight 0.15' })
  cpu_idle!: number;

  @ApiProperty({ description: '1 - memory usage, weight 0.15' })
  memory_idle!: number;

  @ApiProperty({ description: '1 - latency / 200 ms, weight 0.3' })
  locality!: number;

  @ApiProperty()
  latency_ms!: number;
}

export class CandidateDto {
  @ApiProperty({ format: 'uuid' })
  node_id!: string;

  @ApiProperty()
  node_name!: string;

  @ApiProperty({ type: () => ScorePartsDto })
  score!: ScorePartsDto;

  @ApiProperty({ type: 'integer', description: 'How many replicas it was given' })
  replicas!: number;
}

export class RejectedNodeDto {
  @ApiProperty({ format: 'uuid' })
  node_id!: string;

  @ApiProperty()
  node_name!: string;

  @ApiProperty({ type: [String] })
  reasons!: string[];
}

export class PlacementExplanationDto {
  @ApiProperty({ enum: PLACEMENT_STRATEGIES })
  strategy!: PlacementStrategy;

  @ApiProperty({ type: 'integer' })
  requested!: number;

  @ApiProperty({ type: 'integer' })
  placed!: number;

  @ApiProperty({ type: 'integer', description: 'The whole fleet' })
  nodes_total!: number;

  @ApiProperty({ type: 'integer', description: 'The nodes that were looked at; the counts and lists are of these' })
  nodes_considered!: number;

  @ApiProperty({ description: 'True in a large fleet: not all nodes were looked at, but as many good ones as the choice needed' })
  sampled!: boolean;

  @ApiProperty({ type: 'integer' })
  nodes_rejected!: number;

  @ApiProperty({ type: () => [CandidateDto], description: 'At most twenty of the chosen nodes, then the best four others' })
  candidates!: CandidateDto[];

  @ApiProperty({ type: () => [RejectedNodeDto], description: 'At most ten' })
  rejected!: RejectedNodeDto[];

  static from(explanation: PlacementExplanation): PlacementExplanationDto {
    return {
      strategy: explanation.strategy,
      requested: explanation.requested,
      placed: explanation.placed,
      nodes_total: explanation.nodesTotal,
      nodes_considered: explanation.nodesConsidered,
      sampled: explanation.sampled,
      nodes_rejected: explanation.nodesRejected,
      candidates: explanation.candidates.map(({ nodeId, nodeName, score, replicas }) => ({
        node_id: nodeId,
        node_name: nodeName,
        replicas,
        score: {
          total: score.total,
          free: score.free,
          cpu_idle: score.cpuIdle,
          memory_idle: score.memoryIdle,
          locality: score.locality,
          latency_ms: score.latencyMs,
        },
      })),
      rejected: explanation.rejected.map(({ nodeId, nodeName, reasons }) => ({
        node_id: nodeId,
        node_name: nodeName,
        reasons: [...reasons],
      })),
    };
  }
}

export class PlacementDto extends PlacementExplanationDto {
  @ApiProperty({ enum: ['deploy', 'scale', 'replace', 'drain', 'restore', 'rollout'] })
  cause!: string;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;
}

/** The answer to a dry run: where the replicas would be placed now, or why they would not. Nothing was written. */
export class DryRunDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty({ description: 'True when all replicas have a place now' })
  schedulable!: boolean;

  @ApiProperty({ example: 'All 2 replicas would be placed' })
  message!: string;

  @ApiProperty({ type: [String], format: 'uuid', description: 'One node per replica, in the order of choice' })
  node_ids!: string[];

  @ApiProperty({ type: () => PlacementExplanationDto })
  placement!: PlacementExplanationDto;

  @ApiProperty({ format: 'uuid' })
  project_id!: string;

  @ApiProperty({ description: 'The name of the project that it would be in' })
  project!: string;

  static of({ placement, project }: { readonly placement: Placement; readonly project: { id: string; name: string } }): DryRunDto {
    return {
      dry_run: true,
      schedulable: placement.shortfall === null,
      message: placement.shortfall ?? `All ${placement.nodeIds.length} replicas would be placed`,
      node_ids: [...placement.nodeIds],
      placement: PlacementExplanationDto.from(placement.explanation),
      project_id: project.id,
      project: project.name,
    };
  }
}
