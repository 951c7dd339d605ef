import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, Max, Min, ValidateIf } from 'class-validator';
import { Optional } from '../../common/validation/fields';
import type { NodeChange, NodeType } from '../node.types';
import { capacityOf, CpuCores, GpuUnits, MemoryMb, StorageGb } from './capacity.fields';
import {
  OptionalAddress,
  OptionalGateway,
  OptionalIngressClass,
  OptionalKubeconfig,
  OptionalLabels,
  OptionalNodeType,
  OptionalOciRuntime,
  OptionalRegion,
} from './node.fields';

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

  @OptionalOciRuntime()
  oci_runtime?: string;

  @ApiPropertyOptional({
    description: 'After so long a silence its replicas are replaced elsewhere. 0: never. null: as configured, NODE_LOST_AFTER_SECONDS.',
    type: 'integer',
    nullable: true,
    minimum: 0,
    maximum: 604_800,
    example: 300,
  })
  @ValidateIf((_node, value) => value !== undefined && value !== null)
  @IsInt()
  @Min(0)
  @Max(604_800)
  lost_after_seconds?: number | null;

  @OptionalAddress()
  address?: string | null;

  @OptionalKubeconfig()
  kubeconfig?: string;

  @OptionalIngressClass()
  ingress_class?: string | null;

  @OptionalGateway()
  gateway?: string | null;

  toChange(): NodeChange {
    const { node_type: nodeType, region, labels, cordoned, draining, address, oci_runtime: ociRuntime } = this;
    const { lost_after_seconds: lostAfterSeconds, kubeconfig, ingress_class: ingressClass, gateway } = this;
    return {
      nodeType,
      region,
      labels,
      cordoned,
      draining,
      address,
      ociRuntime,
      lostAfterSeconds,
      kubeconfig,
      ingressClass,
      gateway,
      capacity: capacityOf(this),
    };
  }
}
