import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { subtract, type Resources } from '../../engines/resources';
import { RUNTIME_KINDS, type RuntimeKind } from '../../engines/runtime-kinds';
import { NODE_STATUSES, type NodeStatus } from '../node-status.sql';
import { NODE_TYPES, type NodeRecord, type NodeType } from '../node.types';

/** An amount of resources, as requests and answers spell it. */
export class NodeAmountDto {
  @ApiProperty({ example: 1.5 })
  cpu_cores!: number;

  @ApiProperty({ type: 'integer', example: 2048 })
  memory_mb!: number;

  @ApiProperty({ type: 'integer', example: 0 })
  gpu_units!: number;

  @ApiProperty({ type: 'integer', example: 10 })
  storage_gb!: number;

  static from({ cpuCores, memoryMb, gpuUnits, storageGb }: Resources): NodeAmountDto {
    return { cpu_cores: cpuCores, memory_mb: memoryMb, gpu_units: gpuUnits, storage_gb: storageGb };
  }
}

/** A node. Only administrators see `endpoint` and `last_error`. */
export class NodeDto extends NodeAmountDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'edge-7' })
  name!: string;

  @ApiProperty({ enum: NODE_TYPES })
  node_type!: NodeType;

  @ApiProperty({ example: 'us-east' })
  region!: string;

  @ApiProperty({ enum: RUNTIME_KINDS })
  runtime!: RuntimeKind;

  @ApiProperty({ enum: NODE_STATUSES })
  status!: NodeStatus;

  @ApiProperty({ description: 'Takes no new replicas.' })
  cordoned!: boolean;

  @ApiProperty({ description: 'Its replicas are being moved to other nodes.' })
  draining!: boolean;

  @ApiProperty({ example: 12.5 })
  cpu_usage_percent!: number;

  @ApiProperty({ example: 40.2 })
  memory_usage_percent!: number;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  labels!: Readonly<Record<string, string>>;

  @ApiProperty({ format: 'date-time' })
  registered_at!: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, description: 'When the engine answered last.' })
  last_heartbeat!: string | null;

  @ApiProperty({ description: 'Held by the open reservations of replicas.' })
  reserved!: NodeAmountDto;

  @ApiProperty({ description: 'Capacity less what is reserved.' })
  free!: NodeAmountDto;

  @ApiPropertyOptional({ type: 'string', nullable: true, description: 'Administrators only. null: the local engine, or none.' })
  endpoint?: string | null;

  @ApiPropertyOptional({ type: 'string', nullable: true, description: 'Administrators only. Why the last contact failed.' })
  last_error?: string | null;

  static of(node: NodeRecord, viewer: { isAdmin: boolean }): NodeDto {
    return {
      id: node.id,
      name: node.name,
      node_type: node.nodeType,
      region: node.region,
      runtime: node.runtime,
      status: node.status,
      ...NodeAmountDto.from(node.capacity),
      reserved: NodeAmountDto.from(node.reserved),
      free: NodeAmountDto.from(subtract(node.capacity, node.reserved)),
      cpu_usage_percent: node.cpuUsagePercent,
      memory_usage_percent: node.memoryUsagePercent,
      cordoned: node.cordoned,
      draining: node.draining,
      labels: node.labels,
      registered_at: node.registeredAt.toISOString(),
      last_heartbeat: node.lastHeartbeat?.toISOString() ?? null,
      ...(viewer.isAdmin ? { endpoint: node.endpoint, last_error: node.lastError } : {}),
    };
  }
}
