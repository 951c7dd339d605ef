import { Injectable } from '@nestjs/common';
import { PubSub } from '../database/pub-sub';
import { afterCommit, type Tx } from '../database/transaction';
import type { NamedRoute } from './hosts/asked-route';
import type { TakenRoute } from './route-ledger';
import { CHANGED_NOW } from './routes.sql';

/** The topic that tells that tables of routes have changed. */
export const ROUTES_TOPIC = 'fog_routes';

/** A route of a new deployment; `position` is its place among those of the same deployment. */
export interface RouteOfNew extends NamedRoute {
  readonly deploymentId: string;
  readonly position: number;
}

/** Every write to `deployment_routes`. Callers hold the lock of the deployment row. */
@Injectable()
export class RoutesRepository {
  constructor(private readonly pubSub: PubSub) {}

  /** The name of the project, after which its hosts are named. */
  async projectName(tx: Tx, projectId: string): Promise<string> {
    const [row] = await tx.query<{ name: string }[]>(`SELECT name FROM projects WHERE id = $1`, [projectId]);
    if (!row) throw new Error(`There is no project ${projectId}`);
    return row.name;
  }

  /**
   * True when none of the routes belongs to another deployment, and none of the hosts to another project. Until the transaction
   * ends nobody else can take these hosts.
   */
  async claim(
    tx: Tx,
    deployment: { readonly id: string | null; readonly projectId: string },
    routes: readonly NamedRoute[],
  ): Promise<boolean> {
    const hosts = routes.map(({ host }) => host);
    await tx.query(LOCK_HOSTS, [hosts]);
    const paths = routes.map(({ pathPrefix }) => pathPrefix);
    const [row] = await tx.query<{ taken: boolean }[]>(TAKEN, [deployment.id, deployment.projectId, hosts, paths]);
    return row?.taken === false;
  }

  /** The routes with these hosts, whosever they are. */
  async taken(tx: Tx, hosts: readonly string[]): Promise<TakenRoute[]> {
    return tx.query<TakenRoute[]>(TAKEN_HOSTS, [hosts]);
  }

  /** Adds routes of deployments that have had none yet. The hosts are claimed. */
  async add(tx: Tx, routes: readonly RouteOfNew[]): Promise<void> {
    await tx.query(ADD, [JSON.stringify(routes)]);
    afterCommit(tx, () => this.pubSub.publish(ROUTES_TOPIC, ''));
  }

  /** Makes exactly these the routes of the deployment, in this order. */
  async replace(tx: Tx, deploymentId: string, routes: readonly NamedRoute[]): Promise<void> {
    await tx.query(REPLACE, [deploymentId, JSON.stringify(routes.map((route, position) => ({ ...route, position })))]);
    afterCommit(tx, () => this.pubSub.publish(ROUTES_TOPIC, ''));
  }

  /** Takes away the routes of a deployment that is gone, and what answers for them. */
  async removeAll(tx: Tx, deploymentId: string): Promise<void> {
    await tx.query(REMOVE_ALL, [deploymentId]);
    afterCommit(tx, () => this.pubSub.publish(ROUTES_TOPIC, ''));
  }

  /** Brings back the routes that went with a deletion. Returns the host and path of each that others have taken since. */
  async restore(tx: Tx, deployment: { readonly id: string; readonly projectId: string }): Promise<string[]> {
    const rows = await tx.query<{ host: string }[]>(
      `SELECT host FROM deployment_routes WHERE deployment_id = $1 AND removed_at IS NOT NULL`,
      [deployment.id],
    );
    if (rows.length === 0) return [];
    await tx.query(LOCK_HOSTS, [rows.map(({ host }) => host)]);
    const lost = await tx.query<{ route: string }[]>(RESTORE, [deployment.id, deployment.projectId]);
    afterCommit(tx, () => this.pubSub.publish(ROUTES_TOPIC, ''));
    return lost.map(({ route }) => route);
  }
}

/** $1 deployment. */
const REMOVE_ALL = `
  WITH removed AS (
    UPDATE deployment_routes SET removed_at = clock_timestamp() WHERE deployment_id = $1 AND removed_at IS NULL)
  UPDATE route_tables SET version = version + 1, changed_in = ${CHANGED_NOW}, backends = '[]' WHERE deployment_id = $1`;

/** $1 hosts. They are locked in one order, so that two callers never wait for each other. */
const LOCK_HOSTS = `
  SELECT pg_advisory_xact_lock(hashtextextended('fog route ' || host, 0))
    FROM (SELECT DISTINCT host FROM unnest($1::text[]) AS host ORDER BY host) AS hosts`;

/** $1 deployment, $2 its project, $3 hosts, $4 the path of each. */
const TAKEN = `
  SELECT EXISTS (
    SELECT 1 FROM unnest($3::text[], $4::text[]) AS w(host, path_prefix)
      JOIN deployment_routes AS r ON r.host = w.host AND r.removed_at IS NULL AND r.deployment_id IS DISTINCT FROM $1
      JOIN deployments AS d ON d.id = r.deployment_id
     WHERE d.project_id <> $2 OR r.path_prefix = w.path_prefix) AS taken`;

/** $1 hosts. */
const TAKEN_HOSTS = `
  SELECT r.host, r.path_prefix AS "pathPrefix", d.project_id AS "projectId"
    FROM deployment_routes AS r JOIN deployments AS d ON d.id = r.deployment_id
   WHERE r.host = ANY($1::text[]) AND r.removed_at IS NULL`;

/** $1 routes. */
const ADD = `
  WITH wanted AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json)
      AS w("deploymentId" uuid, host text, "pathPrefix" text, port int, position int, named boolean)),
  added AS (
    INSERT INTO deployment_routes (deployment_id, host, path_prefix, port, position, named)
    SELECT w."deploymentId", w.host, w."pathPrefix", w.port, w.position, w.named FROM wanted AS w)
  INSERT INTO route_tables (deployment_id, version, backends, leaving, changed_in)
  SELECT DISTINCT w."deploymentId", 1, '[]'::jsonb, '[]'::jsonb, ${CHANGED_NOW} FROM wanted AS w`;

/** $1 deployment, $2 routes. */
const REPLACE = `
  WITH wanted AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb) AS w(host text, "pathPrefix" text, port int, position int, named boolean)),
  gone AS (
    DELETE FROM deployment_routes AS r
     WHERE r.deployment_id = $1
       AND (r.removed_at IS NOT NULL
            OR NOT EXISTS (SELECT 1 FROM wanted AS w WHERE w.host = r.host AND w."pathPrefix" = r.path_prefix))),
  kept AS (
    UPDATE deployment_routes AS r SET port = w.port, position = w.position, named = w.named
      FROM wanted AS w
     WHERE r.deployment_id = $1 AND r.removed_at IS NULL AND w.host = r.host AND w."pathPrefix" = r.path_prefix),
  added AS (
    INSERT INTO deployment_routes (deployment_id, host, path_prefix, port, position, named)
    SELECT $1, w.host, w."pathPrefix", w.port, w.position, w.named FROM wanted AS w
     WHERE NOT EXISTS (SELECT 1 FROM deployment_routes AS r
                        WHERE r.deployment_id = $1 AND r.removed_at IS NULL
                          AND w.host = r.host AND w."pathPrefix" = r.path_prefix))
  INSERT INTO route_tables AS t (deployment_id, version, backends, leaving, changed_in)
  SELECT $1, 1, '[]', '[]', ${CHANGED_NOW}
   WHERE EXISTS (SELECT 1 FROM wanted) OR EXISTS (SELECT 1 FROM route_tables WHERE deployment_id = $1)
  ON CONFLICT (deployment_id) DO UPDATE SET version = t.version + 1, changed_in = ${CHANGED_NOW}`;

/** $1 deployment, $2 its project. */
const RESTORE = `
  WITH free AS (
    UPDATE deployment_routes AS r SET removed_at = NULL
     WHERE r.deployment_id = $1 AND r.removed_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM deployment_routes AS o JOIN deployments AS d ON d.id = o.deployment_id
                        WHERE o.host = r.host AND o.removed_at IS NULL
                          AND (d.project_id <> $2 OR o.path_prefix = r.path_prefix))
    RETURNING r.id),
  changed AS (
    UPDATE route_tables SET version = version + 1, changed_in = ${CHANGED_NOW} WHERE deployment_id = $1)
  SELECT r.host || r.path_prefix AS route FROM deployment_routes AS r
   WHERE r.deployment_id = $1 AND r.removed_at IS NOT NULL AND r.id NOT IN (SELECT id FROM free)
   ORDER BY r.position`;
