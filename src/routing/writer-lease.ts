import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions';
import { connectionSettings } from '../database/connection-settings';

/** A process that stands still loses the lease after that time: PostgreSQL ends the connection. */
const IDLE_SECONDS = 10;
/** And well before that it writes no more by itself. */
const HOLDS_MS = 5_000;
const ANSWERS_WITHIN_MS = 3_000;

/** `new`: since now. `again`: since before. `no`: another process has it, or the database is away. */
export type Held = 'new' | 'again' | 'no';

/**
 * Makes one process the only one that writes to a balancer: an advisory lock on a connection of its own. It ends with the
 * process, and when the process has not asked for it for ten seconds.
 */
@Injectable()
export class WriterLease {
  private readonly logger = new Logger(WriterLease.name);
  private client: Client | null = null;
  private askedAt = -Infinity;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Takes or keeps the lease of this name; it holds for five seconds from the call. Rejects when the database is away. */
  async hold(name: string): Promise<Held> {
    const now = performance.now();
    if (this.client) {
      try {
        await this.client.query('SELECT 1');
        this.askedAt = now;
        return 'again';
      } catch (error) {
        this.logger.warn(`The lease of the balancer is lost: ${String(error)}`);
        await this.release();
      }
    }
    const client = await this.connect();
    const { rows } = await client.query<{ held: boolean }>(
      `SELECT pg_try_advisory_lock(hashtextextended('fog balancer ' || $1, 0)) AS held`,
      [name],
    );
    if (rows[0]?.held !== true) {
      await client.end();
      return 'no';
    }
    this.client = client;
    this.askedAt = now;
    return 'new';
  }

  /** Throws when the lease is not held for certain, such as after a pause of this process. */
  require(): void {
    if (performance.now() - this.askedAt > HOLDS_MS) throw new Error('Another process may lead the balancer by now');
  }

  async release(): Promise<void> {
    this.askedAt = -Infinity;
    const { client } = this;
    this.client = null;
    await client?.end().catch(() => undefined);
  }

  private async connect(): Promise<Client> {
    const { url } = this.dataSource.options as PostgresDataSourceOptions;
    const client = new Client({
      ...connectionSettings(url ?? ''),
      keepAlive: true,
      application_name: 'fog-compute-balancer',
      connectionTimeoutMillis: ANSWERS_WITHIN_MS,
      query_timeout: ANSWERS_WITHIN_MS,
    });
    client.on('error', (error) => this.logger.warn(`The connection with the lease failed: ${error.message}`));
    await client.connect();
    await client.query(`SET idle_session_timeout = '${IDLE_SECONDS}s'`);
    return client;
  }
}
