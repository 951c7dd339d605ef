import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { subtract, type Resources } from '../../engines/resources';
import { RUNTIME_KINDS, type RuntimeKind } from '../../engines/runtime-kinds';
import { NodeIsolationDto } from './node-isolation.dto';
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

/** A part of one machine, as answers spell it. */
export class MachineAmountDto {
  @ApiProperty({ example: 7.5 })
  cpu_cores!: number;

  @ApiProperty({ type: 'integer', example: 14336 })
  memory_mb!: number;
}

/** A node. Only administrators see `endpoint`, `address` and `last_error`. */
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

  @ApiProperty({
    description: 'After so long a silence its replicas are replaced elsewhere; null: as configured.',
    type: 'integer',
    nullable: true,
  })
  lost_after_seconds!: number | null;

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

  @ApiProperty({
    type: 'integer',
    nullable: true,
    example: 73,
    description: 'What is really free on the disk of the engine; a replica with more storage is not placed there. null: not known.',
  })
  disk_free_gb!: number | null;

  @ApiProperty({
    type: () => MachineAmountDto,
    nullable: true,
    description:
      'The most CPU, and the most memory, that one machine of a kubernetes node has beside what others ask for: no larger replica is placed there.',
  })
  largest_machine!: MachineAmountDto | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'runc',
    description: 'What new containers run under: the choice of an administrator, else of the engine. null: not known yet.',
  })
  oci_runtime!: string | null;

  @ApiProperty({
    type: () => NodeIsolationDto,
    nullable: true,
    description: 'null before the engine has answered, and for a simulated one.',
  })
  isolation!: NodeIsolationDto | null;

  @ApiProperty({ type: 'string', nullable: true, description: 'The namespace of a kubernetes node, else null.' })
  namespace!: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    nullable: true,
    description: 'The labels of the machines that a kubernetes node consists of, else null.',
  })
  node_selector!: Readonly<Record<string, string>> | null;

  @ApiProperty({ type: 'string', nullable: true, description: 'The class of the Ingresses that are made for routes on a kubernetes node.' })
  ingress_class!: string | null;

  @ApiProperty({ type: 'string', nullable: true, description: 'The Gateway that HTTPRoutes are made for on a kubernetes node.' })
  gateway!: string | null;

  @ApiPropertyOptional({ type: 'string', nullable: true, description: 'Administrators only. null: the local engine, or none.' })
  endpoint?: string | null;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    example: '10.0.0.5',
    description:
      'Administrators only. Where the ports of its replicas are reached. null: at the host of its endpoint, else on this machine.',
  })
  address?: string | null;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    description: 'Administrators only. Why the last contact failed, or what does not work on a node that answers.',
  })
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
      disk_free_gb: node.diskFreeGb,
      largest_machine: node.largestMachine && { cpu_cores: node.largestMachine.cpuCores, memory_mb: node.largestMachine.memoryMb },
      cpu_usage_percent: node.cpuUsagePercent,
      memory_usage_percent: node.memoryUsagePercent,
      cordoned: node.cordoned,
      draining: node.draining,
      lost_after_seconds: node.lostAfterSeconds,
      labels: node.labels,
      registered_at: node.registeredAt.toISOString(),
      last_heartbeat: node.lastHeartbeat?.toISOString() ?? null,
      oci_runtime: node.ociRuntime ?? node.isolation?.defaultOciRuntime ?? null,
      namespace: node.cluster?.namespace ?? null,
      node_selector: node.cluster?.nodeSelector ?? null,
      ingress_class: node.cluster?.ingressClass ?? null,
      gateway: node.cluster?.gateway ?? null,
      isolation: node.isolation && NodeIsolationDto.of(node.isolation),
      ...(viewer.isAdmin ? { endpoint: node.endpoint, address: node.address, last_error: node.lastError } : {}),
    };
  }
}
