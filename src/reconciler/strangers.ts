import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { namesReplica } from './orphan-sightings';
import type { NodeView } from './plan.types';
import type { Snapshot } from './snapshot.repository';

type Views = ReadonlyMap<string, NodeView>;

/**
 * Takes out of what engines showed the workloads of replicas that the database has never had. They are orphans, which the syncs of
 * their nodes note and administrators decide about; a plan would remove them.
 */
@Injectable()
export class Strangers {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Asks the database only if there are workloads that the snapshot does not know. */
  async leaveOut({ id, replicas }: Pick<Snapshot, 'id' | 'replicas'>, views: Views): Promise<Views> {
    const known = new Set(replicas.map((replica) => replica.id));
    const unknown = [...views.values()]
      .flatMap((view) => (view.reachable ? [...view.workloads.keys()] : []))
      .filter((each) => !known.has(each));
    if (unknown.length === 0) return views;
    const recorded = await this.recorded(id, unknown);
    const strangers = new Set(unknown.filter((each) => !recorded.has(each)));
    if (strangers.size === 0) return views;
    return new Map([...views].map(([nodeId, view]) => [nodeId, without(view, strangers)]));
  }

  private async recorded(deploymentId: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `SELECT id FROM deployment_replicas WHERE deployment_id = $1 AND id = ANY($2::uuid[])`,
      [deploymentId, ids.filter((replicaId) => namesReplica({ replicaId }))],
    );
    return new Set(rows.map((row) => row.id));
  }
}

function without(view: NodeView, strangers: ReadonlySet<string>): NodeView {
  if (!view.reachable) return view;
  return { ...view, workloads: new Map([...view.workloads].filter(([id]) => !strangers.has(id))) };
}
