import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag, QueryInteger } from '../common/validation/fields';
import { RUNTIME_KINDS, type RuntimeKind } from '../engines/runtime-kinds';

export class StatsQueryDto {
  @ApiPropertyOptional({
    description: 'A stream of server-sent events with such an answer every few seconds',
    default: false,
    type: Boolean,
  })
  @Optional()
  @QueryFlag()
  follow: boolean = false;

  @ApiPropertyOptional({ description: 'With `follow`: seconds between two of them', default: 5, minimum: 2, maximum: 60, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 2, max: 60 })
  interval: number = 5;
}

export class ReplicaStatsDto {
  @ApiProperty({ format: 'uuid' })
  replica_id!: string;

  @ApiProperty()
  node_name!: string;

  @ApiProperty({ enum: RUNTIME_KINDS, description: '`simulated`: nothing really runs' })
  runtime!: RuntimeKind;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When its engine measured it; null when it did not' })
  sampled_at!: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Processor cores in use, since the sample before' })
  cpu_cores!: number | null;

  @ApiProperty({ type: Number, nullable: true, description: 'The same in percent of its limit' })
  cpu_percent!: number | null;

  @ApiProperty({ description: 'The cores that it may use' })
  cpu_limit_cores!: number;

  @ApiProperty({ type: Number, nullable: true, description: 'In use, without the cache that the kernel would give back' })
  memory_used_mb!: number | null;

  @ApiProperty({ type: Number, nullable: true, description: 'The same in percent of its limit' })
  memory_percent!: number | null;

  @ApiProperty({ type: 'integer' })
  memory_limit_mb!: number;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Received since its container started' })
  network_rx_bytes!: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Sent since its container started' })
  network_tx_bytes!: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why nothing was measured, in words; null when it was' })
  reason!: string | null;
}
