import { bearer } from '../support/auth-users';
import { aSpec, finishTeardowns } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** `QUOTA_STORM_ASKS=10000` takes ten minutes. */
const ASKS = Number(process.env.QUOTA_STORM_ASKS ?? 400);
const AT_ONCE = 12;
const USERS = ['ada', 'bob', 'cyd'];
const COUNTED = ['deployments', 'replicas', 'cpu_cores', 'ports'] as const;
type Sums = Readonly<Record<(typeof COUNTED)[number], number>>;

interface Row {
  readonly id: string;
  readonly userId: string;
  readonly projectId: string;
  readonly isLive: boolean;
  readonly replicas: number;
  readonly cpu: number;
  readonly nextCpu: number | null;
  readonly ports: number;
  readonly nextPorts: number | null;
  /** What open reservations hold of it. */
  readonly held: number;
  readonly heldCpu: number;
}

/**
 * What is wanted of every deployment, with the resources of its current revision and of the one that is being rolled out, and what it
 * holds, deleted or not.
 */
const WANTED = `
  SELECT d.id, d.user_id AS "userId", d.project_id AS "projectId", d.deleted_at IS NULL AS "isLive", d.target_replicas AS replicas,
         (v.spec->'resources'->>'cpuCores')::float8 AS cpu, (n.spec->'resources'->>'cpuCores')::float8 AS "nextCpu",
         jsonb_array_length(v.spec->'ports') AS ports, jsonb_array_length(n.spec->'ports') AS "nextPorts",
         h.held, h.cpu AS "heldCpu"
    FROM deployments AS d
    JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
    LEFT JOIN deployment_rollouts AS o ON o.deployment_id = d.id AND o.number = d.open_rollout
    LEFT JOIN deployment_revisions AS n ON n.deployment_id = d.id AND n.number = o.revision
    CROSS JOIN LATERAL (SELECT count(*)::int AS held, coalesce(sum(e.cpu_cores), 0)::float8 AS cpu FROM reservations AS e
                         WHERE e.deployment_id = d.id AND e.released_at IS NULL) AS h`;

interface Caller {
  readonly authorization: { readonly Authorization: string };
  /** Their names and ids. */
  readonly projects: readonly string[];
}

const sumOf = (rows: readonly Row[]): Sums => {
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const wanted = ({ isLive, replicas }: Row): number => (isLive ? replicas : 0);
  return {
    deployments: rows.filter(({ isLive }) => isLive).length,
    replicas: sum((row) => Math.max(wanted(row), row.held)),
    cpu_cores: sum((row) => Math.max(wanted(row) * Math.max(row.cpu, row.nextCpu ?? 0), row.heldCpu)),
    ports: sum((row) => Math.max(wanted(row), row.held) * Math.max(row.ports, row.nextPorts ?? 0)),
  };
};

/**
 * Everything that makes a deployment larger or puts it into another quota, at once and by several members, also with tokens that are bound to
 * a project. At no moment is more wanted or held than a limit allows; the sums are added up here and not by what the product counts with.
 */
describe('a storm of requests against quotas', () => {
  let t: TestApp;
  let limits: Map<string, { readonly of: (row: Row) => boolean; readonly most: Partial<Sums> }>;
  let callers: Caller[];
  beforeAll(async () => {
    t = await startTestApp({
      env: {
        STOP_GRACE_SECONDS: '0',
        MAX_OPEN_OPERATIONS_PER_USER: '0',
        BULK_DELETE_ALWAYS_ALLOWED: '100000',
        BULK_DELETE_FLEET_ALWAYS_ALLOWED: '100000',
      },
    });
    await t.token('root', { admin: true });
    const ids = await Promise.all(USERS.map((user) => t.userId(user)));
    const teams = [await aProject(t, 'ada', { bob: 'maintainer', cyd: 'deployer' }), await aProject(t, 'bob', { ada: 'maintainer' })];
    limits = new Map();
    for (const [n, { id }] of teams.entries()) {
      const most = n === 0 ? { replicas: 9, ports: 12 } : { deployments: 4, cpu_cores: 5 };
      await t.as('root').put(`/api/projects/${id}/quota`).send(most).expect(200);
      limits.set(`team ${String(n)}`, { of: ({ projectId }) => projectId === id, most });
    }
    for (const [n, id] of ids.entries()) {
      const quota = [{ replicas: 10 }, { deployments: 5, cpu_cores: 6 }, { ports: 9, replicas: 8 }][n]!;
      await t.as('root').patch(`/api/users/${id}`).send({ quota }).expect(200);
      limits.set(USERS[n]!, { of: ({ userId }) => userId === id, most: quota });
    }
    const shared = teams.flatMap(({ id, name }) => [id, name]);
    const callerOf = (token: string, projects: readonly string[]): Caller => ({ authorization: bearer(token), projects });
    const bound = async (user: string, project: string): Promise<Caller> => {
      const wish = { name: `bound-${user}`, project, role: 'deployer' };
      const { body } = await t.as(user).post('/api/auth/tokens').send(wish).expect(201);
      return callerOf((body as { token: string }).token, [project]);
    };
    callers = await Promise.all([
      ...USERS.map(async (user, n) => callerOf(await t.token(user), [...shared, ids[n]!])),
      ...[bound('bob', teams[0]!.id), bound('ada', teams[1]!.id)],
    ]);
  });
  afterEach(() => finishTeardowns(t.dataSource));
  afterAll(() => t?.close());

  const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;
  const upTo = (most: number): number => 1 + Math.floor(Math.random() * most);
  const shape = () => ({
    ...{ replicas: upTo(4), resources: { cpu: 0.25 + 0.25 * upTo(4), memory: 512, storage: 1 } },
    ports: Array.from({ length: upTo(3) - 1 }, (_unused, n) => ({ container_port: 80 + n })),
  });

  const asks: Readonly<
    Record<
      string,
      (id: string, projects: readonly string[]) => { method: 'post' | 'patch' | 'put' | 'delete'; path: string; body?: object }
    >
  > = {
    deploy: (_id, projects) => ({ method: 'post', path: 'deploy', body: aSpec({ project: pick(projects), ...shape() }) }),
    bulkDeploy: (_id, projects) => {
      const deployments = Array.from({ length: 3 }, () => aSpec(shape()));
      return { method: 'post', path: 'bulk-deploy', body: { project: pick(projects), deployments, all_or_nothing: Math.random() < 0.3 } };
    },
    apply: (_id, projects) => {
      const { name, ...body } = aSpec({ ...shape() });
      const known = Math.random() < 0.7 ? `named-${String(upTo(4))}` : String(name);
      return { method: 'put', path: `named/${known}?project=${pick(projects)}`, body };
    },
    scale: (id) => ({ method: 'post', path: `scale/${id}`, body: { replicas: upTo(6) } }),
    change: (id) => ({ method: 'patch', path: id, body: pick([shape(), { replicas: upTo(5) }, { env: { A: String(upTo(99)) } }]) }),
    rollback: (id) => ({ method: 'post', path: `${id}/rollback`, body: pick([{}, { revision: 1 }]) }),
    pause: (id) => ({ method: 'post', path: `${id}/rollout/pause` }),
    resume: (id) => ({ method: 'post', path: `${id}/rollout/resume` }),
    abort: (id) => ({ method: 'post', path: `${id}/rollout/abort` }),
    restart: (id) => ({ method: 'post', path: `${id}/restart` }),
    stop: (id) => ({ method: 'post', path: `${id}/stop` }),
    start: (id) => ({ method: 'post', path: `${id}/start` }),
    retry: (id) => ({ method: 'post', path: `${id}/retry` }),
    remove: (id) => ({ method: 'delete', path: `${id}?wait=0${pick(['', '&keep_warm=1m'])}` }),
    restore: (id) => ({ method: 'post', path: `${id}/restore`, body: {} }),
    bulkDelete: (id) => ({ method: 'post', path: 'bulk-delete', body: { ids: [id, pick(rows).id], wait: 0 } }),
    bulkRestore: (id) => ({ method: 'post', path: 'bulk-restore', body: { ids: [id, pick(rows).id], wait: 0 } }),
    move: (id, projects) => ({ method: 'post', path: `${id}/move`, body: { project: pick(projects) } }),
  };
  /** Those that ask for more come more often. */
  const NAMES = [
    ...Object.keys(asks),
    'deploy',
    'bulkDeploy',
    'scale',
    'change',
    'scale',
    'change',
    'move',
    'restore',
    'restore',
    'rollback',
  ];

  let rows: Row[] = [];
  const above = new Set<string>();
  const look = async (): Promise<void> => {
    rows = await t.dataSource.query<Row[]>(WANTED);
    for (const [whose, { of, most }] of limits) {
      const sums = sumOf(rows.filter(of));
      for (const counted of COUNTED) {
        if (sums[counted] > (most[counted] ?? Infinity)) above.add(`${whose} has ${String(sums[counted])} ${counted}`);
      }
    }
  };

  it(`of ${String(ASKS)} requests never wants or holds more than any limit allows`, async () => {
    const answers = new Map<string, number>();
    const ask = async (): Promise<void> => {
      const { authorization, projects } = pick(callers);
      const wants = pick(NAMES);
      // What is deleted is what can be restored; all else is asked of what is live, and now and then of anything.
      const fitting = rows.filter(({ isLive, projectId }) => projects.includes(projectId) && isLive === !/estore/.test(wants));
      const one = pick(Math.random() < 0.9 ? fitting : rows);
      const name = one ? wants : 'deploy';
      const { method, path, body } = asks[name]!(one?.id ?? '', projects);
      const sent = t.http[method](`/api/deployment/${path}`).set(authorization);
      const { status, body: answer } = await (body ? sent.send(body) : sent);
      const code = status < 400 ? '' : ` ${String((answer as { code?: string }).code)}`;
      const key = `${name} ${String(status)}${code}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
    };
    const unseen = (): string[] =>
      ['deploy', 'scale', 'change', 'restore', 'move'].flatMap((name) => {
        const granted = [...answers.keys()].some((key) => key.startsWith(`${name} 20`));
        return [...(granted ? [] : [`${name} granted`]), ...(answers.has(`${name} 409 quota_exceeded`) ? [] : [`${name} refused`])];
      });
    let next = 0;
    // What is asked is left to chance, so a short storm may have to go on until it has met what it is about.
    const lane = async (): Promise<void> => {
      while (next++ < ASKS || (next < 10 * ASKS && unseen().length > 0)) await ask();
    };
    let isOver = false;
    const watch = async (): Promise<void> => {
      while (!isOver) await look();
    };
    const watching = watch();
    await Promise.all(Array.from({ length: AT_ONCE }, lane)).finally(() => (isOver = true));
    await watching;
    // Operations go on after their answers.
    await until(async () => {
      const [row] = await t.dataSource.query<{ open: number }[]>(
        `SELECT count(*)::int AS open FROM operations WHERE status NOT IN ('completed', 'failed', 'cancelled')`,
      );
      await look();
      return row?.open === 0;
    });
    expect([...above]).toEqual([]);
    expect([...answers.keys()].filter((key) => / 5\d\d/.test(key))).toEqual([]);
    // It was a storm: each of these was granted, and refused for a quota.
    expect(unseen()).toEqual([]);
  }, 600_000);
});
