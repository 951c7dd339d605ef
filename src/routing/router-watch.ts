import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { BEAT } from './routes.sql';

const BEAT_MS = 1_000;

/**
 * Notes each second that workers and database are there. After a time without them the silence of routers says nothing about the routers,
 * which could not report either; see `quietUntil`.
 */
@Injectable()
export class RouterWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(RouterWatch.name);
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.beatInTurn(), BEAT_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.beating;
  }

  async beat(): Promise<void> {
    await this.dataSource.query(BEAT);
  }

  /** While the database hangs, one beat waits for it and not one more with each second. */
  private beatInTurn(): void {
    this.beating ??= this.beat()
      .catch((error: unknown) => this.logger.debug(`The watch of the routers was not noted: ${String(error)}`))
      .finally(() => (this.beating = undefined));
  }
}
