import { inTransaction } from '../../src/database/transaction';
import { Quota } from '../../src/deployments/quota';
import { aSpec } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';

/** A deployment as the requests have left it. */
interface Known {
  readonly id: string;
  project: string;
  replicas: number;
  cpu: number;
  ports: number;
  live: boolean;
}

const STEPS = 80;

/** A generator of numbers from 0 on below `most`, the same for the same seed. */
function numbers(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * most);
  };
}

/** Without a worker, so that nothing but the requests changes what is held. */
describe('what quotas count', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api', MAX_CPU_CORES_PER_USER: '12', MAX_PORTS_PER_USER: '30' } });
    await t.token('root', { admin: true });
  });
  afterAll(() => t?.close());

  it.each([1, 2, 3])('is what any row of requests has asked for and was granted, and never more than the limit (seed %d)', async (seed) => {
    const user = `user-${String(seed)}`;
    const pick = numbers(seed * 7_919);
    const userId = await t.userId(user);
    const teams = [await aProject(t, user), await aProject(t, user)];
    const projects = [userId, ...teams.map(({ id }) => id)];
    for (const { id } of teams) await t.as('root').put(`/api/projects/${id}/quota`).send({ replicas: 8, deployments: 5 }).expect(200);
    const known: Known[] = [];

    const step = async (): Promise<void> => {
      const [one, project] = [known[pick(known.length)], projects[pick(projects.length)]!];
      const replicas = 1 + pick(4);
      const [cpu, ports] = [0.5 + pick(4) * 0.25, pick(3)];
      const at = `/api/deployment/${one?.id ?? ''}`;
      const verb = one ? pick(7) : 0;
      if (!one || verb <= 1) {
        const listed = Array.from({ length: ports }, (_unused, n) => ({ container_port: 80 + n }));
        const spec = aSpec({ project, replicas, resources: { cpu, memory: 512, storage: 1 }, ports: listed });
        const { status, body } = await t.as(user).post('/api/deployment/deploy').send(spec);
        if (status === 202) known.push({ id: body.deployment_id as string, project, replicas, cpu, ports, live: true });
        else expect([status, body.code]).toEqual([409, 'quota_exceeded']);
        return;
      }
      const answer = await [
        () => t.as(user).post(`/api/deployment/scale/${one.id}`).send({ replicas }),
        () => t.as(user).patch(at).send({ resources: { cpu } }),
        () => t.as(user).delete(`${at}?wait=0`),
        () => t.as(user).post(`${at}/restore`).send({}),
        () => t.as(user).post(`${at}/move`).send({ project }),
      ][verb - 2]!();
      if (answer.status >= 300) return;
      if (verb === 2) one.replicas = replicas;
      if (verb === 3) one.cpu = cpu;
      if (verb === 4 || verb === 5) one.live = verb === 5;
      if (verb === 6) one.project = project;
    };

    for (let n = 0; n < STEPS; n++) {
      await step();
      for (const id of projects) {
        const { quota } = (await t.as(user).get(`/api/projects/${id}`).expect(200)).body as {
          quota: Record<string, { limit: number | null; used: number }>;
        };
        const counted = known.filter(({ project, live }) => live && (id === userId || project === id));
        const sum = (of: (each: Known) => number): number => counted.reduce((total, each) => total + of(each), 0);
        expect(Object.fromEntries(Object.entries(quota).map(([held, { used }]) => [held, used]))).toMatchObject({
          ...{ deployments: counted.length, replicas: sum((each) => each.replicas), cpu_cores: sum((each) => each.replicas * each.cpu) },
          ...{ memory_mb: sum((each) => each.replicas * 512), ports: sum((each) => each.replicas * each.ports), gpu_units: 0 },
          kept_deployments: known.filter(({ project, live }) => !live && (id === userId || project === id)).length,
        });
        for (const { limit, used } of Object.values(quota)) if (limit !== null) expect(used).toBeLessThanOrEqual(limit);
      }
    }
    expect(known.length).toBeGreaterThan(5);
  });

  it('does not blame who changes a deployment for what others do to the user or the project meanwhile', async () => {
    const userId = await t.userId('ann');
    const [kept, other] = await Promise.all([1, 2].map(() => deployedBy('ann', 2)));
    const [row] = await t.dataSource.query<{ projectId: string }[]>(`SELECT project_id AS "projectId" FROM deployments WHERE id = $1`, [
      kept,
    ]);
    await t
      .as('root')
      .patch(`/api/users/${userId}`)
      .send({ quota: { kept_deployments: 0, replicas: 4 } })
      .expect(200);
    const quota = t.app.get(Quota, { strict: false });
    const growing = { deployment: { id: kept!, userId, projectId: row!.projectId }, asker: { userId, isAdmin: false } };
    await inTransaction(t.dataSource, (tx) =>
      quota.growing(tx, growing, async () => {
        await t.as('ann').delete(`/api/deployment/${other!}?wait=0`).expect(200);
      }),
    );
    const refused = inTransaction(t.dataSource, (tx) =>
      quota.growing(tx, growing, () => tx.query(`UPDATE deployments SET target_replicas = 5 WHERE id = $1`, [kept])),
    );
    await expect(refused).rejects.toThrow('The quota allows 4 replicas; there are 2, and 3 more are asked for');
  });

  const deployedBy = async (user: string, replicas: number): Promise<string> =>
    (await t.as(user).post('/api/deployment/deploy').send(aSpec({ replicas })).expect(202)).body.deployment_id as string;
});
