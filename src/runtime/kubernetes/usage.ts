import type { V1Node } from '@kubernetes/client-node';
import { within } from '../../common/within';
import type { Usage } from '../../engines/resources';
import type { WorkloadSample } from '../runtime-driver';
import type { ClusterClient } from './cluster-client';
import { CONTAINER } from './job-manifest';
import { quantity } from './quantity';

interface MachineMetrics {
  readonly metadata?: { readonly name?: string };
  readonly usage?: { readonly cpu?: string; readonly memory?: string };
}

/** A metrics API may be there and not answer: placement does without it, and nothing waits. */
const METRICS_MS = 3_000;

/** How busy the machines are together, in percent, by what the metrics API says; 0 where that is nothing. */
export function usageOf(metrics: readonly MachineMetrics[], machines: readonly V1Node[], open: readonly string[]): Usage {
  const counted = new Map(machines.map((machine) => [machine.metadata?.name ?? '', machine.status?.capacity ?? {}]));
  const measured = metrics.filter(({ metadata }) => open.includes(metadata?.name ?? ''));
  const percent = (resource: 'cpu' | 'memory'): number => {
    const used = measured.reduce((sum, { usage }) => sum + quantity(usage?.[resource]), 0);
    const all = measured.reduce((sum, { metadata }) => sum + quantity(counted.get(metadata?.name ?? '')?.[resource]), 0);
    return all === 0 ? 0 : Math.min(100, Math.round((used / all) * 1000) / 10);
  };
  return { cpuUsagePercent: percent('cpu'), memoryUsagePercent: percent('memory') };
}

/** What the metrics API says of all machines; nothing where there is none, or where it does not answer soon. */
export async function machineMetrics(client: Pick<ClusterClient, 'call'>, signal: AbortSignal): Promise<readonly MachineMetrics[]> {
  try {
    const answer = await within(METRICS_MS, signal, (limited) =>
      client.call('GET', '/apis/metrics.k8s.io/v1beta1/nodes', { signal: limited }),
    );
    const items: unknown = typeof answer === 'object' && answer !== null && 'items' in answer ? answer.items : [];
    return Array.isArray(items) ? (items as MachineMetrics[]) : [];
  } catch {
    return []; // no metrics API, or no right to use it: placement does without
  }
}

const BYTES_PER_MB = 2 ** 20;

interface PodMetrics {
  readonly timestamp?: string;
  readonly containers?: readonly { readonly name?: string; readonly usage?: MachineMetrics['usage'] }[];
}

/** What the metrics API has measured of a Pod: a rate over some seconds before; null when it says nothing of the container. Pure. */
export function podSample(answer: unknown): WorkloadSample | null {
  const { timestamp = '', containers } = (answer ?? {}) as PodMetrics;
  const usage = containers?.find(({ name }) => name === CONTAINER)?.usage;
  const takenAt = new Date(timestamp);
  if (usage === undefined || Number.isNaN(takenAt.getTime())) return null;
  const measured = { coresInUse: quantity(usage.cpu), memoryUsedMb: quantity(usage.memory) / BYTES_PER_MB };
  return { ...measured, takenAt, cpuSeconds: 0, clockSeconds: 0, network: null };
}
