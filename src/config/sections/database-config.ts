import { IsOptional } from 'class-validator';
import { parseDatabaseUrl } from '../database-url';
import { IsReadBy, whole } from '../variables';

/** Which database, and how many connections to it. */
export class DatabaseConfig {
  /** Absent: an embedded PostgreSQL in DATA_DIR. */
  @IsOptional()
  @IsReadBy(parseDatabaseUrl)
  readonly DATABASE_URL?: string;

  @whole(2, 200)
  readonly DATABASE_POOL_SIZE: number = 10;
}
