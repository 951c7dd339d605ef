import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveReplicasRepository, type LiveReplica } from '../deployments/live-replicas.repository';
import { askReplicas, type Said } from '../runtime/ask-replicas';
import type { WorkloadSample } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import type { ReplicaStatsDto } from './replica-stats.dto';
import { coresIn, usageOf } from './usage';

const ANSWER_WITHIN_MS = 5_000;
const AT_A_TIME_PER_NODE = 8;
/** Between two samples from which the use of the processor is told, when there is none to begin with. */
const BETWEEN_SAMPLES_MS = 1_000;
/** An older sample says nothing of now. */
const SAMPLE_COUNTS_MS = 15_000;
const TOO_LATE = 'The engine did not answer in time';

/** Null when the deployment is deleted and has no container any more, or is gone. */
export type DeploymentUsage = readonly ReplicaStatsDto[] | null;

interface Known {
  /** By `performance.now()`. */
  at: number;
  usage: Promise<DeploymentUsage>;
  isMeasuring: boolean;
  samples: ReadonlyMap<string, WorkloadSample>;
}

/** What the containers of deployments use. All who ask at about the same time share one question to the engines. */
@Injectable()
export class DeploymentStats implements OnModuleDestroy {
  private readonly ending = new AbortController();
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly live: LiveReplicasRepository,
    private readonly runtimes: Runtimes,
  ) {}

  onModuleDestroy(): void {
    this.ending.abort();
  }

  /** Gives what was measured at most `maxAgeMs` ago, is being measured, or is measured now. */
  read(deploymentId: string, maxAgeMs: number): Promise<DeploymentUsage> {
    const now = performance.now();
    for (const [id, { at, isMeasuring }] of this.known) if (!isMeasuring && now - at > SAMPLE_COUNTS_MS) this.known.delete(id);
    const known = this.known.get(deploymentId);
    if (known && (known.isMeasuring || now - known.at <= maxAgeMs)) return known.usage;
    const next: Known = { at: now, usage: Promise.resolve(null), isMeasuring: true, samples: known?.samples ?? new Map() };
    next.usage = this.measure(deploymentId, next).finally(() => {
      next.at = performance.now();
      next.isMeasuring = false;
    });
    this.known.set(deploymentId, next);
    return next.usage;
  }

  private async measure(deploymentId: string, known: Known): Promise<DeploymentUsage> {
    const found = (await this.live.of([deploymentId])).get(deploymentId);
    if (!found || (found.deleted && found.replicas.length === 0)) return null;
    const before = new Map(known.samples);
    const said = await this.ask(found.replicas);
    // Of a replica that is new to us, or has started again, one sample does not tell a rate.
    const fresh = [...samplesIn(said)].filter(([id, sample]) => {
      const earlier = before.get(id);
      if (sample.coresInUse !== undefined) return false;
      return !earlier || coresIn(earlier, sample) === null;
    });
    if (fresh.length > 0) {
      for (const [id, sample] of fresh) before.set(id, sample);
      await sleep(BETWEEN_SAMPLES_MS, undefined, { signal: this.ending.signal }).catch(() => undefined);
      const again = found.replicas.filter(({ id }) => fresh.some(([of]) => of === id));
      for (const [id, answer] of await this.ask(again)) said.set(id, answer);
    }
    known.samples = samplesIn(said);
    return found.replicas.map((replica) => usageOf(replica, said.get(replica.id), before.get(replica.id)));
  }

  private ask(replicas: readonly LiveReplica[]): Promise<Map<string, Said<WorkloadSample | null>>> {
    return askReplicas(replicas, {
      runtimes: this.runtimes,
      atATimePerNode: AT_A_TIME_PER_NODE,
      withinMs: ANSWER_WITHIN_MS,
      tooLate: TOO_LATE,
      gone: this.ending.signal,
      ask: (driver, node, id, signal) => driver.sample(node, id, signal),
    });
  }
}

function samplesIn(said: ReadonlyMap<string, Said<WorkloadSample | null>>): Map<string, WorkloadSample> {
  const samples = new Map<string, WorkloadSample>();
  for (const [id, answer] of said) if ('said' in answer && answer.said) samples.set(id, answer.said);
  return samples;
}
