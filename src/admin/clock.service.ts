import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { ClockWatch, type ClockState } from '../database/clock-watch';

/** The clock of the database for administrators, who alone can say after a step of it whether the time is right. */
@Injectable()
export class ClockService {
  constructor(
    private readonly commands: Commands,
    private readonly clock: ClockWatch,
  ) {}

  read(): Promise<ClockState> {
    return this.clock.state();
  }

  /** Throws `conflict` when no step waits for a confirmation. */
  confirm(context: RequestContext): Promise<ClockState> {
    return this.commands.run(context, async (tx) => {
      const { before, after } = await this.clock.confirm(tx);
      if (before.stepSeconds === null) throw new DomainError('conflict', 'The clock is trusted already: no step waits for a confirmation');
      return {
        outcome: after,
        audit: {
          action: 'clock.confirm',
          resourceType: 'clock',
          resourceId: null,
          before: { step_seconds: before.stepSeconds, stepped_at: before.steppedAt?.toISOString() ?? null },
          after: { now: after.now.toISOString() },
        },
      };
    });
  }
}
