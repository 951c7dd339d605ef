import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryInteger } from '../common/validation/fields';

export class LogsQueryDto {
  @ApiPropertyOptional({ description: 'Lines per replica, the last ones', default: 100, minimum: 1, maximum: 1_000, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 1_000 })
  tail: number = 100;
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

  @ApiProperty({ type: String, nullable: true, description: 'Why the lines could not be read, in words' })
  error!: string | null;
}
