import type { EngineInfo } from '../../engines/engine-info';
import type { ReportedWorkload, ReportMessage } from '../../runtime/agent/link-messages';
import type { Sight } from './sight';

/** What the control plane has been told on this connection, as texts that are compared. */
export interface Told {
  /** What the engine has was told once. Until then the control plane goes by what an earlier connection told it. */
  readonly hasAll: boolean;
  readonly engine: EngineInfo | null;
  readonly engineTrouble: string | null;
  readonly ordersVersion: number;
  readonly workloads: ReadonlyMap<string, string>;
  readonly gone: ReadonlyMap<string, number | null>;
  readonly troubles: string;
  readonly progress: string;
  /** Accounts that are on their way, until they are noted. */
  readonly accounts: ReadonlySet<string>;
}

type Content = Omit<ReportMessage, 'type' | 'number' | 'clock'>;

/** Smaller changes of how busy the machine is are not worth a report of their own. */
const USAGE_POINTS = 10;
const DISK_GB = 1;

/**
 * The next report, and what is told by it; null when nothing has changed. The first one is whole, and so is the first for which the engine
 * answers. `told`: null before the first report of a connection. Pure.
 */
export function reportAfter(told: Told | null, sight: Sight): { readonly content: Content; readonly told: Told } | null {
  const texts = byReplica(sight.workloads);
  const gone = new Map(sight.gone.map(({ replicaId, version }) => [replicaId, version]));
  // Nothing is known of workloads while the engine does not answer, so what was told of them stays.
  const isBlind = sight.engine === null;
  const isWhole = told === null || (!isBlind && !told.hasAll);
  if (!isBlind && told !== null)
    for (const replicaId of told.workloads.keys()) if (!texts.has(replicaId) && !gone.has(replicaId)) gone.set(replicaId, null);
  const next: Told = {
    hasAll: !isBlind || told?.hasAll === true,
    ordersVersion: sight.ordersVersion,
    engine: sight.engine,
    engineTrouble: sight.engineTrouble,
    workloads: isBlind ? (told?.workloads ?? new Map()) : texts,
    gone: isBlind ? (told?.gone ?? new Map()) : new Map(sight.gone.map(({ replicaId, version }) => [replicaId, version])),
    troubles: JSON.stringify(sight.troubles),
    progress: JSON.stringify(sight.progress),
    accounts: new Set([...(told?.accounts ?? []), ...sight.accounts.map(({ id }) => id)]),
  };
  const content: Content = {
    whole: isWhole,
    ordersVersion: sight.ordersVersion,
    engine: sight.engine,
    engineTrouble: sight.engineTrouble,
    workloads: isBlind ? [] : sight.workloads.filter(({ replicaId }) => told?.workloads.get(replicaId) !== texts.get(replicaId)),
    gone: isBlind ? [] : newlyGone(gone, told),
    // Complete in every report, so that one that has passed is known to have passed.
    troubles: sight.troubles,
    progress: sight.progress,
    accounts: sight.accounts.filter(({ id }) => told?.accounts.has(id) !== true),
  };
  return told !== null && isEmpty(content, told, next) ? null : { content, told: next };
}

const byReplica = (of: readonly ReportedWorkload[]): Map<string, string> => new Map(of.map((one) => [one.replicaId, JSON.stringify(one)]));

function newlyGone(gone: ReadonlyMap<string, number | null>, told: Told | null): Content['gone'] {
  return [...gone]
    .filter(([replicaId, version]) => told?.workloads.has(replicaId) === true || told?.gone.get(replicaId) !== version)
    .map(([replicaId, version]) => ({ replicaId, version }));
}

function isEmpty(content: Content, told: Told, next: Told): boolean {
  const { workloads, gone, accounts } = content;
  return (
    [workloads, gone, accounts].every(({ length }) => length === 0) &&
    told.troubles === next.troubles &&
    told.progress === next.progress &&
    content.ordersVersion === told.ordersVersion &&
    content.engineTrouble === told.engineTrouble &&
    isMuchTheSame(content.engine, told.engine)
  );
}

function isMuchTheSame(now: EngineInfo | null, before: EngineInfo | null): boolean {
  if (now === null || before === null) return now === before;
  const lasting = (info: EngineInfo): string => JSON.stringify({ ...info, cpuUsagePercent: 0, memoryUsagePercent: 0, diskFreeGb: 0 });
  return (
    lasting(now) === lasting(before) &&
    Math.abs(now.cpuUsagePercent - before.cpuUsagePercent) < USAGE_POINTS &&
    Math.abs(now.memoryUsagePercent - before.memoryUsagePercent) < USAGE_POINTS &&
    Math.abs((now.diskFreeGb ?? 0) - (before.diskFreeGb ?? 0)) < DISK_GB
  );
}
