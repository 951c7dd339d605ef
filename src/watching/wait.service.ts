import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { abortWith } from '../common/abort-with';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import type { DeploymentStatusDto } from '../deployments/dto/deployment-status.dto';
import { DeploymentViewsService, type Tagged } from '../deployments/views/deployment-views.service';
import { FeedPlaces } from '../events/feed-places';
import { endOnRefusal } from '../common/rights-beat';
import type { Reader } from '../events/open-streams';
import { DeploymentWatch } from './deployment-watch';
import { DeploymentFactsRepository } from './deployment-facts.repository';
import { verdictOf, type DeploymentFacts, type Verdict, type WaitCondition } from './wait-condition';

const SHOWN = { includeDeleted: true, finished: 10 };

export interface Waiter {
  readonly actor: Actor;
  /** Aborts when the client has disconnected. */
  readonly gone: AbortSignal;
  /** Why the caller may not see the deployment any more; null: nothing has changed. */
  readonly refusal: Reader['refusal'];
}

interface Wish {
  readonly condition: WaitCondition;
  readonly timeoutMs: number;
}

/** Lets a request wait for a state of a deployment. It holds no connection to the database meanwhile. */
@Injectable()
export class WaitService implements OnModuleDestroy {
  private readonly ending = new AbortController();

  constructor(
    private readonly views: DeploymentViewsService,
    private readonly facts: DeploymentFactsRepository,
    private readonly watch: DeploymentWatch,
    private readonly places: FeedPlaces,
  ) {}

  /** Answers waiting requests at once with the state so far, because a process that stops waits for its connections. */
  onModuleDestroy(): void {
    this.ending.abort();
  }

  /**
   * Resolves with the status when the condition holds, when it never will by itself, or after `timeoutMs`. Throws `not_found`
   * for a missing and a foreign deployment, `rate_limited` when the user has too many open, and
   * the refusal when the right to see it ends meanwhile.
   */
  async wait(id: string, { condition, timeoutMs }: Wish, waiter: Waiter): Promise<Tagged<DeploymentStatusDto> & { reached: boolean }> {
    const { actor } = waiter;
    await this.views.status(id, actor, SHOWN);
    const first = verdictIn((await this.facts.of([id])).get(id), condition);
    const reached = first === 'open' && timeoutMs > 0 ? await this.reaches(id, { condition, timeoutMs }, waiter) : first === 'reached';
    return { ...(await this.views.status(id, actor, SHOWN)), reached };
  }

  private async reaches(id: string, { condition, timeoutMs }: Wish, { actor, gone, refusal }: Waiter): Promise<boolean> {
    const end = abortWith(gone, this.ending.signal);
    try {
      const giveBack = this.places.take(actor.userId, () => end.abort());
      const timer = setTimeout(() => end.abort(), timeoutMs);
      const stopAsking = endOnRefusal(end, refusal);
      try {
        const reached = await this.watched(id, condition, end.signal);
        if (end.signal.reason instanceof DomainError) throw end.signal.reason;
        return reached;
      } finally {
        clearTimeout(timer);
        stopAsking();
        giveBack();
      }
    } finally {
      end.abort();
    }
  }

  private watched(id: string, condition: WaitCondition, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const leave = this.watch.join(id, (facts) => {
        const verdict = verdictIn(facts, condition);
        if (verdict !== 'open') end(verdict === 'reached');
      });
      const over = (): void => end(false);
      const end = (reached: boolean): void => {
        leave();
        signal.removeEventListener('abort', over);
        resolve(reached);
      };
      signal.addEventListener('abort', over);
      if (signal.aborted) end(false);
    });
  }
}

/** A deployment that is purged meanwhile has no facts any more. */
const verdictIn = (facts: DeploymentFacts | null | undefined, condition: WaitCondition): Verdict =>
  facts ? verdictOf(condition, facts) : 'never';
