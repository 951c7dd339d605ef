import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Clock } from '../common/clock';
import { BEFORE_ALL, countPorts } from '../deployments/count-ports';

/** By then processes of before an upgrade have been replaced. */
const REPLACED_AFTER_MS = 3_600_000;

/**
 * Processes of before the upgrade that counts ports do not count those that they write. Goes through all deployments again and again, a
 * batch in each round, until a whole pass lies after the time in which they are replaced.
 */
@Injectable()
export class PortCounting {
  private readonly startedAt: number;
  private passBegan: number;
  private after = BEFORE_ALL;
  private isDone = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {
    this.startedAt = this.passBegan = clock.now().getTime();
  }

  async run(): Promise<void> {
    if (this.isDone) return;
    const last = await countPorts(this.dataSource.manager, this.after);
    this.after = last ?? BEFORE_ALL;
    if (last !== null) return;
    this.isDone = this.passBegan - this.startedAt >= REPLACED_AFTER_MS;
    this.passBegan = this.clock.now().getTime();
  }
}
