import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { Optional } from '../../common/validation/fields';
import type { NodeChange, NodeType } from '../node.types';
import { capacityOf, CpuCores, GpuUnits, MemoryMb, StorageGb } from './capacity.fields';
import { OptionalLabels, OptionalNodeType, OptionalRegion } from './node.fields';

/**
 * Members that are left out stay as they are. A capacity that is set here is no longer overwritten by what the engine reports.
 */
export class ChangeNodeDto {
  @ApiPropertyOptional({ description: 'true: no new replicas; false also ends draining.' })
  @Optional()
  @IsBoolean()
  cordoned?: boolean;

  @ApiPropertyOptional({ description: 'true: cordons the node and moves its replicas to others.' })
  @Optional()
  @IsBoolean()
  draining?: boolean;

  @OptionalNodeType()
  node_type?: NodeType;

  @OptionalRegion()
  region?: string;

  @OptionalLabels('Replaces all labels.')
  labels?: Record<string, string>;

  @CpuCores()
  cpu_cores?: number;

  @MemoryMb()
  memory_mb?: number;

  @GpuUnits()
  gpu_units?: number;

  @StorageGb()
  storage_gb?: number;

  toChange(): NodeChange {
    const { node_type: nodeType, region, labels, cordoned, draining } = this;
    return { nodeType, region, labels, cordoned, draining, capacity: capacityOf(this) };
  }
}
