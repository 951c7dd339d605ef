import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';

const LOOK_EVERY_MS = 5_000;

/**
 * What the installation has decided about encryption, as this process last saw it: at most five seconds ago while that can change.
 * Values of `env` are encrypted once no process is left that could not read them.
 */
@Injectable()
export class SealingState implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(SealingState.name);
  private timer: NodeJS.Timeout | undefined;
  private seals = false;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  get sealsEnv(): boolean {
    return this.seals;
  }

  async onModuleInit(): Promise<void> {
    await this.look();
    if (this.seals) return;
    this.logger.warn('Values of env are not encrypted yet. Once all processes are of this version, run `npm run secrets:change`');
    this.timer = setInterval(() => void this.look().catch((error: unknown) => this.logger.warn(String(error))), LOOK_EVERY_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const [row] = await this.dataSource.query<{ seals: boolean }[]>(`SELECT seals_env AS seals FROM installation`);
    this.seals = row?.seals ?? false;
    if (this.seals) clearInterval(this.timer);
  }
}

/** From now on values of `env` are encrypted. For when no process of an earlier version is left: it could not read them. */
export const sealEnvFromNowOn = async (manager: EntityManager): Promise<void> => {
  await manager.query(`UPDATE installation SET seals_env = true WHERE NOT seals_env`);
};
