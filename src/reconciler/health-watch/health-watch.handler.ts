import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { isDeepStrictEqual } from 'node:util';
import { DataSource } from 'typeorm';
import { AppConfig } from '../../config/app-config';
import { inTransaction } from '../../database/transaction';
import { healthOf, type HealthReport } from '../../deployments/domain/health';
import { Events } from '../../events/events';
import type { ClaimedJob, JobHandler, JobResult } from '../../jobs/job-kinds';
import { HealthWatchRepository, type TroubleChange, type Watched } from './health-watch.repository';
import { nextTrouble, type HealthNews, type Trouble } from './trouble';

const EVERY_MS = 2_000;
const BATCH = 500;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
/** How many reasons a history row names. */
const REASONS = 3;

/**
 * Tells when running deployments get into trouble, change in it and recover, and when nodes become silent and return. The health
 * in status answers is computed at each question; this notices its changes when nobody asks.
 */
@Injectable()
export class HealthWatchHandler implements JobHandler {
  readonly kind = 'health.watch';
  readonly concurrency = 1;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly repository: HealthWatchRepository,
    private readonly events: Events,
  ) {}

  async handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    await this.repository.forgetEnded();
    let afterId: string | undefined = BEFORE_ALL;
    while (afterId !== undefined) {
      signal.throwIfAborted();
      const watched: Watched[] = await this.repository.watched(afterId, BATCH);
      await this.note(watched, job);
      afterId = watched.length === BATCH ? watched.at(-1)?.id : undefined;
    }
    await this.tellOfNodes(job);
    return { kind: 'again', afterMs: EVERY_MS };
  }

  private async note(watched: readonly Watched[], job: ClaimedJob): Promise<void> {
    const delayMs = this.config.HEALTH_EVENT_DELAY_SECONDS * 1000;
    const changes = watched.flatMap((deployment) => changeOf(deployment, delayMs) ?? []);
    if (changes.length === 0) return;
    await inTransaction(this.dataSource, async (tx) => {
      if ((await this.repository.note(tx, changes, job)) > 0) this.events.announce(tx);
    });
  }

  private async tellOfNodes(job: ClaimedJob): Promise<void> {
    if (!(await this.repository.hasNodeNews())) return;
    await inTransaction(this.dataSource, async (tx) => this.events.tellAdministrators(tx, await this.repository.nodeNews(tx, job)));
  }
}

/** Null when nothing has changed since the last look. */
function changeOf({ id, generation, targetReplicas, replicas, trouble: before, nowMs }: Watched, delayMs: number): TroubleChange | null {
  const report = healthOf(replicas, targetReplicas);
  const { trouble, news } = nextTrouble(before, report.health, { nowMs, delayMs });
  if (isDeepStrictEqual(trouble, before)) return null;
  return { id, generation, trouble, news, reason: news === null ? '' : wordsOf(news, report, before) };
}

function wordsOf(news: HealthNews, { reasons }: HealthReport, before: Trouble | null): string {
  if (news === 'recovered') {
    const seconds = before === null ? 0 : Math.round((before.sinceMs - before.beganMs) / 1000);
    return `Healthy again after ${seconds} s`;
  }
  const more = reasons.length > REASONS ? `; and ${reasons.length - REASONS} more` : '';
  return `${news === 'degraded' ? 'Degraded' : 'Unhealthy'}: ${reasons.slice(0, REASONS).join('; ')}${more}`;
}
