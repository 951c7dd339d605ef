import type { EngineInfo } from '../../engines/engine-info';
import type { Account, Order, OrderTrouble, ReportedWorkload, ReportMessage } from '../../runtime/agent/link-messages';
import type { ObservedWorkload } from '../../runtime/runtime-driver';

/** All that there is to report at one moment. */
export interface Sight {
  readonly ordersVersion: number;
  readonly engine: EngineInfo | null;
  readonly engineTrouble: string | null;
  readonly workloads: readonly ReportedWorkload[];
  /** Replicas whose order is carried out and that the engine does not have. */
  readonly gone: ReportMessage['gone'];
  readonly troubles: readonly OrderTrouble[];
  readonly progress: ReportMessage['progress'];
  readonly accounts: readonly Account[];
}

export const reported = (workload: ObservedWorkload, version: number | null): ReportedWorkload => {
  const { startedAt, origin, ...rest } = workload;
  return {
    ...rest,
    startedAt: startedAt?.toISOString() ?? null,
    origin: origin === undefined ? null : { ...origin, createdAt: origin.createdAt?.toISOString() ?? null },
    version,
  };
};

/** The replicas that the engine is known not to have, of those whose orders are carried out. */
export function goneOf(
  orders: ReadonlyMap<string, Order>,
  workloads: ReadonlyMap<string, ObservedWorkload>,
  settled: ReadonlyMap<string, number>,
): { readonly replicaId: string; readonly version: number }[] {
  return [...settled]
    .filter(([replicaId]) => orders.has(replicaId) && !workloads.has(replicaId))
    .map(([replicaId, version]) => ({ replicaId, version }));
}
