import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { TestApp } from './test-app';
import { until } from './until';

export interface OrphanBody {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly suggested_action: string;
  readonly etag: string;
  readonly node_id: string | null;
  readonly container_id: string | null;
  readonly container_created_at: string | null;
  readonly replica_id: string | null;
  readonly sightings: number;
  readonly attempts: number;
  readonly deployment: { readonly known: string; readonly status: string | null } | null;
}

/**
 * A copy of a simulated container under the id of a replica that was never recorded: what a restore of the database to an earlier time
 * leaves. Returns that id.
 */
export async function aStranger(
  dataSource: DataSource,
  replicaId: string,
  { nodeId = null, deploymentId = null }: { nodeId?: string | null; deploymentId?: string | null } = {},
): Promise<string> {
  const id = randomUUID();
  await dataSource.query(
    `INSERT INTO simulated_workloads
     SELECT w.* FROM (SELECT to_jsonb(s) AS it FROM simulated_workloads AS s WHERE s.replica_id = $1) AS s,
            jsonb_populate_record(NULL::simulated_workloads, s.it || jsonb_strip_nulls(jsonb_build_object(
              'replica_id', $2::uuid, 'container_id', replace($2::text || $2::text, '-', ''),
              'node_id', $3::uuid, 'deployment_id', $4::uuid))) AS w`,
    [replicaId, id, nodeId, deploymentId],
  );
  return id;
}

export const root = (t: TestApp) => t.as('root', { admin: true });

export async function orphansOf(t: TestApp, query = ''): Promise<OrphanBody[]> {
  return (await root(t).get(`/api/admin/orphans?limit=100${query}`).expect(200)).body;
}

/** Waits until the list shows the orphan with this replica. */
export function untilListed(t: TestApp, replicaId: string): Promise<OrphanBody> {
  return until(async () => (await orphansOf(t)).find(({ replica_id: id }) => id === replicaId) ?? null, {
    what: 'the orphan to be listed',
  });
}

export const decide = (t: TestApp, what: 'reap' | 'adopt', { id, etag }: Pick<OrphanBody, 'id' | 'etag'>) =>
  root(t).post(`/api/admin/orphans/${id}/${what}`).set('If-Match', etag);
