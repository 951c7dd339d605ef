import { ApiProperty } from '@nestjs/swagger';
import { problemOf } from '../../common/problem/to-problem';
import type { PreviewedDeploy } from '../../deployments/many/deploy-many.service';
import { ItemProblemDto } from './item-problem.dto';

/** One deployment in the answer to a dry run. */
export class BulkDeployPreviewItemDto {
  @ApiProperty({ description: 'As the request names it; null when that is no name', type: String, nullable: true })
  name!: string | null;

  @ApiProperty({ description: 'What would become of it', enum: ['created', 'refused'] })
  outcome!: 'created' | 'refused';

  @ApiProperty({ description: 'Why it would be refused, for programs', type: String, nullable: true })
  code!: string | null;

  @ApiProperty({ description: 'The same in words, or where its replicas would go', type: String })
  detail!: string;

  @ApiProperty({ description: 'The whole problem, as a single deploy would answer it', type: () => ItemProblemDto, nullable: true })
  problem!: ItemProblemDto | null;

  @ApiProperty({ description: 'True when all replicas have a place now, beside those of the deployments before it' })
  schedulable!: boolean;

  @ApiProperty({ type: [String], format: 'uuid', description: 'One node per replica, in the order of choice' })
  node_ids!: string[];

  static of(name: string | null, previewed: PreviewedDeploy): BulkDeployPreviewItemDto {
    if ('refusal' in previewed) {
      const { code, detail } = previewed.refusal;
      return {
        name,
        outcome: 'refused',
        code,
        detail,
        problem: ItemProblemDto.of(problemOf(previewed.refusal)),
        schedulable: false,
        node_ids: [],
      };
    }
    const { nodeIds, shortfall } = previewed.placement;
    const detail = shortfall ?? `All ${nodeIds.length} replicas would be placed`;
    return { name, outcome: 'created', code: null, detail, problem: null, schedulable: shortfall === null, node_ids: [...nodeIds] };
  }
}

export class BulkDeployPreviewDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty({ type: 'integer' })
  total!: number;

  @ApiProperty({ type: 'integer', description: 'None with `all_or_nothing`, when one would be refused' })
  would_create!: number;

  @ApiProperty({ type: 'integer' })
  would_refuse!: number;

  @ApiProperty({ type: [BulkDeployPreviewItemDto], description: 'In the order of the request' })
  items!: BulkDeployPreviewItemDto[];
}
