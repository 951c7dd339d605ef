import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { TestApp } from './test-app';
import { until, type UntilOptions } from './until';

export const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';

/** Texts in the place of an id in a path that are no ids. */
export const NO_IDS = [
  '1',
  'null',
  '%00',
  '%0a',
  '%F0%9F%90%9D',
  `${UNKNOWN_ID}0`,
  UNKNOWN_ID.slice(1),
  UNKNOWN_ID.replaceAll('-', ''),
  `{${UNKNOWN_ID}}`,
  "1'%20OR%20'1'='1",
  'x'.repeat(1_000),
  '..%2f..%2fetc',
];

type Over = Readonly<Record<string, unknown>>;

let counter = 0;
export const freshName = (): string => `app-${(counter += 1)}`;

/** A body for POST /deploy with a name of its own; the three demo nodes have room for many of them. */
export const aSpec = (over: Over = {}): Record<string, unknown> => ({
  name: freshName(),
  type: 'compute',
  container_image: 'nginx:1.27',
  replicas: 1,
  resources: { cpu: 0.5, memory: 512, storage: 1 },
  ...over,
});

/** The same without the name, which stands in the path of `/named/{name}`. */
export const anUnnamedSpec = (over: Over = {}): Record<string, unknown> =>
  Object.fromEntries(Object.entries(aSpec(over)).filter(([member]) => member !== 'name'));

/** The answer of all commands that queue a deployment for its placement. */
export const queuedAnswer = (id: string, replicas: number): Record<string, unknown> => ({
  success: true,
  deployment_id: id,
  status: 'pending',
  replicas,
  message: `Deployment queued for scheduling. Use /status/${id} to track progress.`,
});

/** What every view shows of a deployment that was never deleted and is under no legal hold. */
export const NEITHER_DELETED_NOR_HELD = {
  deleted_at: null,
  stuck_since: null,
  protected: false,
  protection_reason: null,
  legal_hold: false,
  purge_at: null,
};

/** Deploys without waiting for the placement. Asks again, as clients are told to, while a loaded machine makes the server say so. */
export async function deploy(t: TestApp, user: string, over: Over = {}): Promise<string> {
  const spec = aSpec(over);
  const answer = await until(
    async () => {
      const asked = await t.as(user).post('/api/deployment/deploy').send(spec);
      return asked.body.code === 'try_again' ? null : asked;
    },
    { what: 'the server to take a deployment on' },
  );
  if (answer.status !== 202) throw new Error(`deploy answered ${answer.status}: ${answer.text}`);
  return answer.body.deployment_id as string;
}

export interface StatusBody {
  status: string;
  health: string;
  health_reasons: string[];
  target_replicas: number;
  work: { last_error: string | null } | null;
  updated_at: string;
  replicas: {
    id: string;
    node_id: string;
    status: string;
    reason: string | null;
    attempt: number;
    revision: number;
    container_id: string | null;
  }[];
  recent_status_changes: { old_status: string; new_status: string; changed_at: string; reason: string }[];
}

export const statusOf = async (t: TestApp, user: string, id: string): Promise<StatusBody> =>
  (await t.as(user).get(`/api/deployment/status/${id}?include_deleted=true`).expect(200)).body as StatusBody;

/** Waits until the deployment has this status and, if named, this health. */
export const reaches = (
  t: TestApp,
  user: string,
  id: string,
  status: string,
  health?: string,
  options: UntilOptions = {},
): Promise<StatusBody> =>
  until(
    async () => {
      const body = await statusOf(t, user, id);
      return body.status === status && (health === undefined || body.health === health) ? body : null;
    },
    { what: `deployment ${id} to be ${status} ${health ?? ''}`, ...options },
  );

/** Deploys and waits until all replicas run. */
export async function deployed(t: TestApp, user: string, over: Over = {}): Promise<string> {
  const id = await deploy(t, user, over);
  await reaches(t, user, id, 'running', 'healthy');
  return id;
}

/** Waits until no work is left to do for the deployment, which is a moment after the last replica has started. */
export const settles = (t: TestApp, user: string, id: string): Promise<StatusBody> =>
  until(
    async () => {
      const body = await statusOf(t, user, id);
      return body.work === null ? body : null;
    },
    { what: `deployment ${id} to be settled` },
  );

export interface HistoryEntry {
  old_status: string;
  new_status: string;
  reason: string;
  changed_by: string | null;
}

/** All status changes, oldest first. */
export async function historyOf(t: TestApp, user: string, id: string): Promise<HistoryEntry[]> {
  const { body } = await t.as(user).get(`/api/deployment/${id}/history?include_deleted=true&limit=100`).expect(200);
  return (body as HistoryEntry[]).reverse();
}

export const replicaStatuses = (body: Pick<StatusBody, 'replicas'>): string[] => body.replicas.map((replica) => replica.status).sort();

/**
 * Every row of the tables of deployments, nodes and jobs, to compare before and after, without heartbeats and claims, which
 * change by themselves.
 */
export async function tableRows(dataSource: DataSource): Promise<Record<string, unknown[]>> {
  const tables = [
    ['deployments', '*'],
    ['deployment_resources', '*'],
    ['deployment_revisions', '*'],
    ['deletions', '*'],
    ['deployment_replicas', '*'],
    ['reservations', '*'],
    ['placements', '*'],
    ['deployment_status_history', '*'],
    ['nodes', 'id, reserved_cpu_cores, reserved_memory_mb, reserved_gpu_units, reserved_storage_gb, cordoned, draining'],
    ['idempotency_keys', 'scope, key, answer_status'],
    [`jobs WHERE kind = 'deployment.reconcile'`, 'kind, key'],
  ];
  const rows: Record<string, unknown[]> = {};
  for (const [table, columns] of tables) rows[table!] = await dataSource.query<unknown[]>(`SELECT ${columns} FROM ${table} ORDER BY 1`);
  return rows;
}

/** The same without the jobs, which engine events and the work of earlier tests make and end at any time. */
export async function recordRows(dataSource: DataSource): Promise<Record<string, unknown[]>> {
  return Object.fromEntries(Object.entries(await tableRows(dataSource)).filter(([table]) => !table.startsWith('jobs')));
}

/**
 * Waits until nothing of this deployment is left: no live or stopping replica, no open reservation, no workload on any engine.
 */
export async function expectGone(dataSource: DataSource, id: string, options: UntilOptions = {}): Promise<void> {
  const leftOvers = (): Promise<unknown[]> =>
    dataSource.query(
      `SELECT 'replica ' || status AS what FROM deployment_replicas WHERE deployment_id = $1 AND status NOT IN ('stopped', 'failed')
        UNION ALL SELECT 'reservation' FROM reservations WHERE deployment_id = $1 AND released_at IS NULL
        UNION ALL SELECT 'workload' FROM simulated_workloads
                   WHERE deployment_id = $1 AND (gone_at IS NULL OR gone_at > clock_timestamp())`,
      [id],
    );
  let left: unknown[] = [];
  try {
    await until(async () => (left = await leftOvers()).length === 0, { what: `${id} to be gone`, ...options });
  } catch (cause) {
    throw new Error(`Of the deployment ${id} is left: ${JSON.stringify(left)}`, { cause });
  }
}

export async function expectInvariants(dataSource: DataSource): Promise<void> {
  expect(await checkInvariants(dataSource, { graceSeconds: 30 })).toEqual([]);
}

/** Completes teardowns in place of a worker, for applications that have none: stopping replicas become stopped. */
export async function finishTeardowns(dataSource: DataSource): Promise<void> {
  await dataSource.query(
    `WITH stopped AS (
       UPDATE deployment_replicas SET status = 'stopped', stopped_at = clock_timestamp() WHERE status = 'stopping' RETURNING id)
     UPDATE reservations SET released_at = clock_timestamp() WHERE released_at IS NULL AND replica_id IN (SELECT id FROM stopped)`,
  );
}
