import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, QueryConfig } from 'pg';
import { DataSource } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions';
import { connectionSettings } from './connection-settings';
import { PreparingClient } from './preparing-client';

const RECONNECT_MS = 1_000;
/**
 * NOTIFY takes a lock of the whole server while it commits, so hints are collected and sent together, outside of any user's
 * transaction.
 */
const COLLECT_MS = 10;
/** A connection that has not answered by then hears nothing either. It ends, and another one takes its place. */
const ANSWERS_WITHIN_MS = 30_000;
const SEND = 'SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS told(channel, payload)';

/** A statement that fails when it is not answered in time, which the types of pg know of connections only. */
const answered = (text: string, more: Pick<QueryConfig, 'name' | 'values'> = {}): QueryConfig => {
  const limited = { text, query_timeout: ANSWERS_WITHIN_MS, ...more };
  return limited;
};

/** What is to be done on a new connection before it is used. */
type Preparation = (client: Client) => Promise<void>;

/**
 * Hints between processes about topics, by PostgreSQL's NOTIFY on a connection of its own that reconnects for ever. A hint may
 * get lost when the connection breaks, so every listener also looks by itself now and then.
 */
@Injectable()
export class PubSub implements OnApplicationShutdown {
  private readonly logger = new Logger(PubSub.name);
  private readonly events = new EventEmitter().setMaxListeners(0);
  private readonly topics = new Set<string>();
  private readonly preparations: Preparation[] = [];
  private client: Client | null = null;
  private connecting: Promise<void> | null = null;
  private listening: Promise<void> = Promise.resolve();
  private readonly unsent = new Map<string, { topic: string; payload: string }>();
  private sending: Promise<void> | undefined;
  private closed = false;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Calls `listener` with the payload of every hint about `topic`. Returns a function that ends that. */
  subscribe(topic: string, listener: (payload: string) => void): () => void {
    this.events.on(topic, listener);
    if (!this.topics.has(topic)) {
      this.topics.add(topic);
      void this.listen(topic);
    }
    return () => this.events.off(topic, listener);
  }

  /**
   * Calls the listeners of this process at once, and those of other processes within some milliseconds, or never: it is a hint.
   */
  publish(topic: string, payload: string): void {
    this.events.emit(topic, payload);
    if (this.closed) return;
    this.unsent.set(`${topic} ${payload}`, { topic, payload });
    this.sending ??= this.sendCollected();
  }

  /**
   * Does this on the connection, and on each one that takes its place: for what lasts as long as a session, such as locks by which others
   * see that this process is there. Resolves after the first time. It may be called twice for one connection.
   */
  async onConnection(prepare: Preparation): Promise<void> {
    this.preparations.push(prepare);
    await this.inSession(prepare);
  }

  /** Does this on the connection of now, one work after the other. Without a connection it waits for one. */
  async inSession(work: Preparation): Promise<void> {
    this.connecting ??= this.connect();
    const working = Promise.all([this.listening, this.connecting]).then(async () => {
      if (this.client) await work(this.client);
    });
    this.listening = working.catch(() => undefined);
    await working;
  }

  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    await this.client?.end().catch(() => undefined);
  }

  /** One batch after the other: while the server does not answer, what is to be sent is still collected. */
  private async sendCollected(): Promise<void> {
    while (this.unsent.size > 0 && !this.closed) {
      await sleep(COLLECT_MS);
      const told = [...this.unsent.values()];
      this.unsent.clear();
      await this.send(told);
    }
    this.sending = undefined;
  }

  private async send(told: readonly { readonly topic: string; readonly payload: string }[]): Promise<void> {
    if (this.closed) return;
    try {
      const values = [told.map(({ topic }) => topic), told.map(({ payload }) => payload)];
      await this.inSession(async (client) => {
        await client.query(answered(SEND, { name: 'hints', values }));
      });
    } catch (error) {
      this.logger.debug(`Hints were not sent, the others look by themselves: ${String(error)}`);
    }
  }

  private async listen(topic: string): Promise<void> {
    // One after the other, because a connection takes one statement at a time.
    await this.inSession(async (client) => {
      await client.query(answered(`LISTEN ${topic}`));
    }).catch((error: unknown) => this.logger.warn(`LISTEN ${topic}: ${String(error)}`));
  }

  private async connect(): Promise<void> {
    const closed = (): boolean => this.closed;
    while (!closed()) {
      const { url } = this.dataSource.options as PostgresDataSourceOptions;
      const client = new PreparingClient({
        ...connectionSettings(url ?? ''),
        keepAlive: true,
        application_name: 'fog-compute-listen',
        connectionTimeoutMillis: 5_000,
      });
      client.on('error', (error) => this.logger.warn(`The notification connection failed: ${error.message}`));
      try {
        await client.connect();
        await this.hear(client);
        for (const prepare of this.preparations) await prepare(client);
        for (const topic of this.topics) await client.query(answered(`LISTEN ${topic}`));
        // The process may have begun to end meanwhile; a connection that is left open would keep it alive.
        if (closed()) {
          await client.end();
          return;
        }
        this.client = client;
        client.once('end', () => this.reconnect());
        return;
      } catch (error) {
        this.logger.warn(`The notification connection could not be opened, trying again: ${String(error)}`);
        await client.end().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS).unref());
      }
    }
  }

  /** What this process sends, on this connection, comes back on it as well; its listeners were called when it was published. */
  private async hear(client: Client): Promise<void> {
    const { rows } = await client.query<{ own: number }>(answered('SELECT pg_backend_pid() AS own'));
    client.on('notification', ({ processId, channel, payload }) => {
      if (processId !== rows[0]?.own) this.events.emit(channel, payload ?? '');
    });
  }

  private reconnect(): void {
    this.client = null;
    if (!this.closed) this.connecting = this.connect();
  }
}
