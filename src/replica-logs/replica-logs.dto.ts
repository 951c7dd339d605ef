import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag, QueryInteger, TimeField } from '../common/validation/fields';

export class LogsQueryDto {
  @ApiPropertyOptional({ description: 'Lines per replica, the last ones', default: 100, minimum: 1, maximum: 1_000, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 1_000 })
  tail: number = 100;

  @ApiPropertyOptional({
    format: 'date-time',
    example: '2026-01-01T00:00:00Z',
    description: 'Only lines from this time on, by the clock of their engine; the `time` of a line fits',
  })
  @Optional()
  @TimeField()
  since?: string;

  @ApiPropertyOptional({
    description: 'A stream of server-sent events instead: these lines, then every line as it is written',
    default: false,
    type: Boolean,
  })
  @Optional()
  @QueryFlag()
  follow: boolean = false;
}

export class ReplicaLogsDto {
  @ApiProperty({ format: 'uuid' })
  replica_id!: string;

  @ApiProperty()
  node_name!: string;

  @ApiProperty({ type: [String], description: 'Oldest first, standard output and error together' })
  lines!: string[];

  @ApiProperty({ description: 'The older of these lines are left out: an answer has at most 4 MB of them, and 1 MB of one replica' })
  cut!: boolean;

  @ApiProperty({ description: 'The container is gone: these are the last lines of a replica that has ended, as they were kept' })
  kept!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Why the lines, or the newest of them, could not be read, in words' })
  error!: string | null;
}
