import { Injectable } from '@nestjs/common';
import { eachAtATime } from '../common/each-at-a-time';
import { within } from '../common/within';
import { AppConfig } from '../config/app-config';
import type { KeptLog } from '../deployments/kept-logs.repository';
import type { ReplicaMove } from '../deployments/replicas.repository';
import { oneLine } from '../runtime/one-line';
import { DriverError, type WorkloadLog } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import type { NodeView, Plan } from './plan.types';
import type { Snapshot } from './snapshot.repository';

const READ_MS = 3_000;
const READS_AT_A_TIME = 8;
const MOST_BYTES = 16_384;

/** A plan with what the containers wrote last that end with it. */
export interface PlanWithLogs extends Plan {
  readonly logs: readonly KeptLog[];
}

/**
 * Reads the last lines of the containers that a plan ends, before the plan is carried out and removes them, and adds the very last
 * one to the reason. A log that cannot be read in time is given up: the end of a replica does not wait for its lines.
 */
@Injectable()
export class LastLines {
  constructor(
    private readonly config: AppConfig,
    private readonly runtimes: Runtimes,
  ) {}

  async add(steps: Plan, snapshot: Snapshot, { views, signal }: LastLinesOptions): Promise<PlanWithLogs> {
    const ended = this.config.KEPT_LOG_LINES === 0 ? [] : steps.moves.filter((move) => isEnd(move) && hasWorkload(move, snapshot, views));
    const logs = new Map<string, WorkloadLog>();
    if (ended.length === 0) return { ...steps, logs: [] };
    await within(READ_MS, signal, (either) =>
      eachAtATime(READS_AT_A_TIME, ended, async ({ replicaId }) => {
        const log = await this.read(snapshot, replicaId, either);
        if (log && log.lines.length > 0) logs.set(replicaId, log);
      }),
    );
    const moves = steps.moves.map((move) => ({ ...move, reason: withLastLine(move.reason, logs.get(move.replicaId)) }));
    return { ...steps, moves, logs: [...logs].map(([replicaId, { lines, cut }]) => ({ replicaId, lines: lines.map(storable), cut })) };
  }

  private async read(snapshot: Snapshot, replicaId: string, signal: AbortSignal): Promise<WorkloadLog | null> {
    const node = snapshot.nodes.get(nodeOf(snapshot, replicaId));
    const driver = node && this.runtimes.driverFor(node.runtime);
    if (!driver || signal.aborted) return null;
    try {
      return await driver.logs(node, replicaId, { tailLines: this.config.KEPT_LOG_LINES, maxBytes: MOST_BYTES }, signal);
    } catch (error) {
      if (error instanceof DriverError) return null;
      throw error;
    }
  }
}

interface LastLinesOptions {
  readonly views: ReadonlyMap<string, NodeView>;
  readonly signal: AbortSignal;
}

const isEnd = ({ to, completed }: ReplicaMove): boolean => to === 'failed' || completed === true;

const nodeOf = ({ replicas }: Snapshot, id: string): string => replicas.find((replica) => replica.id === id)?.nodeId ?? '';

function hasWorkload({ replicaId }: ReplicaMove, snapshot: Snapshot, views: LastLinesOptions['views']): boolean {
  const view = views.get(nodeOf(snapshot, replicaId));
  return view?.reachable === true && view.workloads.get(replicaId)?.hasRun === true;
}

function withLastLine(reason: string | null, log: WorkloadLog | undefined): string | null {
  const line = log?.lines.map(oneLine).findLast((text) => text !== '');
  return line === undefined || reason === null ? reason : `${reason}; last line: ${line}`;
}

/** PostgreSQL cannot store the character 0. */
const storable = (line: string): string => line.replaceAll('\0', '\ufffd');
