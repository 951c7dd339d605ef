import { Injectable } from '@nestjs/common';
import { ChecksRepository, type Sighting } from '../checks/checks.repository';
import { checkedPort, type HealthCheckSpec } from '../engines/container-spec';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import type { NodeView, PlanReplica } from './plan.types';
import type { Snapshot } from './snapshot.repository';

type Recorded = PlanReplica['check'];
type Views = ReadonlyMap<string, NodeView>;

/** Adds to what engines showed what health checks have found, which an engine does not know where the checks are made from outside. */
@Injectable()
export class CheckedReplicas {
  constructor(
    private readonly checks: ChecksRepository,
    private readonly runtimes: Runtimes,
  ) {}

  /**
   * Views in which a replica that has not passed its check yet is `starting`, and one that has failed it `unhealthy`; and the
   * replicas with their health. Notes runs that are new, so that they are probed. Without health checks nothing is asked or
   * written.
   */
  async add(snapshot: Snapshot, views: Views): Promise<{ views: Views; replicas: readonly PlanReplica[] }> {
    const sightings = new Map<string, Sighting>();
    const shown = new Map<string, ObservedWorkload>();
    const replicas = snapshot.replicas.map((replica) => {
      const check = snapshot.specs.get(replica.revision)?.healthCheck ?? null;
      const workload = workloadIn(views, replica);
      if (!check || !workload) return replica;
      const sighting = sight(replica, workload, this.isProbed(snapshot, replica, check) ? check : null);
      if (!sighting) return replica;
      const known = sighting.probe && replica.check?.run === sighting.run ? replica.check : sighting;
      if (isNews(sighting, replica.check)) sightings.set(replica.id, sighting);
      if (sighting.probe && workload.phase === 'running') shown.set(replica.id, withHealth(workload, known));
      return { ...replica, healthy: known.healthy };
    });
    await this.checks.note([...sightings.values()]);
    return { replicas, views: shown.size === 0 ? views : new Map([...views].map(([id, view]) => [id, withWorkloads(view, shown)])) };
  }

  private isProbed({ nodes }: Snapshot, { nodeId }: PlanReplica, check: HealthCheckSpec): boolean {
    const node = nodes.get(nodeId);
    return checkedPort(check) !== null && node !== undefined && this.runtimes.driverFor(node.runtime)?.traits.checksPorts === false;
  }
}

function workloadIn(views: Views, { id, nodeId, status }: PlanReplica): ObservedWorkload | undefined {
  const view = views.get(nodeId);
  return view?.reachable && (status === 'starting' || status === 'running') ? view.workloads.get(id) : undefined;
}

/** What is seen of a run that goes on; null when there is none, or nothing is to be found out about it. */
function sight(replica: PlanReplica, workload: ObservedWorkload, probed: HealthCheckSpec | null): Sighting | null {
  const { phase, containerId, startedAt, hasRun, reason, publishedPorts } = workload;
  if (!hasRun || phase === 'exited' || phase === 'paused') return null;
  const run = `${containerId} ${(startedAt ?? replica.runAt)?.toISOString() ?? ''}`;
  const seen = { replicaId: replica.id, run };
  if (probed === null || 'command' in probed) {
    return {
      ...seen,
      probe: null,
      healthy: phase === 'starting' ? null : phase === 'running',
      reason: phase === 'running' ? null : reason,
    };
  }
  const port = checkedPort(probed);
  const published = publishedPorts.find(({ containerPort, protocol }) => containerPort === port && protocol === 'tcp');
  const place = published ? { hostIp: published.hostIp, hostPort: published.hostPort } : null;
  return { ...seen, probe: { check: probed, published: place }, healthy: null, reason: null };
}

/** What the engine says of its own check is news whenever it differs; of a run that is probed only the run itself. */
const isNews = (sighting: Sighting, recorded: Recorded): boolean =>
  recorded?.run !== sighting.run ||
  (sighting.probe === null && (recorded.healthy !== sighting.healthy || recorded.reason !== sighting.reason));

function withHealth(workload: ObservedWorkload, { healthy, reason }: Pick<Sighting, 'healthy' | 'reason'>): ObservedWorkload {
  if (healthy === true) return workload;
  return healthy === null
    ? { ...workload, phase: 'starting', reason }
    : { ...workload, phase: 'unhealthy', reason: reason ?? 'Health check fails' };
}

function withWorkloads(view: NodeView, shown: ReadonlyMap<string, ObservedWorkload>): NodeView {
  if (!view.reachable) return view;
  return { ...view, workloads: new Map([...view.workloads].map(([id, workload]) => [id, shown.get(id) ?? workload])) };
}
