import { aSpec } from '../support/deployments';
import { aProject } from '../support/projects';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { QueryTap } from '../support/query-tap';
import { startTestApp, type TestApp } from '../support/test-app';

/** Without a worker: nothing leaves by itself, as on an engine that does not answer. */
describe('what open reservations hold of a live deployment', () => {
  let t: TestApp;
  let node: string;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api', MAX_REPLICAS_PER_USER: '10000' } });
    await t.token('root', { admin: true });
    const heartbeat = new Date(Date.now() + 3_600_000);
    node = await aNode(t.dataSource, { cpu_cores: 1_000, memory_mb: 1_000_000, storage_gb: 100_000, last_heartbeat: heartbeat });
  });
  afterAll(() => t?.close());

  /** A project whose one deployment wants so many replicas, each of a core and 512 MB, and has these. */
  const holding = async (wanted: number, statuses: readonly string[], user = 'ada') => {
    const project = await aProject(t, user);
    const owner = { user_id: await t.userId(user), project_id: project.id };
    const id = await aDeployment(t.dataSource, { ...owner, target_replicas: wanted });
    const replicas: string[] = [];
    for (const status of statuses) replicas.push(await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: node, status }));
    return { id, project, replicas };
  };
  const limit = (id: string, quota: object) => t.as('root').put(`/api/projects/${id}/quota`).send(quota).expect(200);
  const usedOf = async (id: string): Promise<Record<string, number>> => {
    const { quota } = (await t.as('ada').get(`/api/projects/${id}`).expect(200)).body as { quota: Record<string, { used: number }> };
    return Object.fromEntries(Object.entries(quota).map(([held, { used }]) => [held, used]));
  };
  const deploy = (project: string, replicas: number) =>
    t
      .as('ada')
      .post('/api/deployment/deploy')
      .send(aSpec({ project, replicas, resources: { cpu: 1, memory: 512, storage: 10 } }));
  const scale = (id: string, replicas: number) => t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas });
  const release = (replicaIds: readonly string[]) =>
    t.dataSource.query(
      `WITH gone AS (UPDATE deployment_replicas SET status = 'stopped', stopped_at = now() WHERE id = ANY($1) RETURNING id)
       UPDATE reservations SET released_at = now() FROM gone WHERE replica_id = gone.id`,
      [replicaIds],
    );

  it.each<[string, number, readonly string[], number]>([
    ['nothing is placed yet', 3, [], 3],
    ['all run', 3, ['running', 'running', 'starting'], 3],
    ['some are left from a scale-down', 1, ['running', 'stopping', 'stopping'], 3],
    ['a rollout has one more', 2, ['running', 'running', 'starting'], 3],
    ['one of a former generation is still there', 2, ['stopping', 'pending', 'pending'], 3],
    ['a failed one is not confirmed gone', 2, ['failed', 'running', 'running'], 3],
  ])('counts when it is more than what is wanted: %s', async (_what, wanted, statuses, replicas) => {
    const { project } = await holding(wanted, statuses);
    const each = { cpu_cores: replicas, memory_mb: replicas * 512, storage_gb: replicas * 10 };
    expect(await usedOf(project.id)).toMatchObject({ deployments: 1, replicas, ...each });
  });

  it('counts for every deployment by itself, so that what one lacks is not given to another', async () => {
    const { project } = await holding(1, ['running', 'stopping', 'stopping']);
    await deploy(project.name, 2).expect(202);
    expect(await usedOf(project.id)).toMatchObject({ deployments: 2, replicas: 5, cpu_cores: 5 });
  });

  it('keeps room from others until it is gone, and a refusal says how much of it there is', async () => {
    const { id, project, replicas } = await holding(3, ['running', 'running', 'running']);
    await limit(project.id, { replicas: 3 });
    await scale(id, 1).expect(200);
    const { body } = await deploy(project.name, 1).expect(409);
    expect(body).toMatchObject({ code: 'quota_exceeded', quota: 'replicas', limit: 3, used: 3, requested: 1 });
    expect(body.detail).toContain('there are 3, 2 of them not gone yet or of rollouts, and 1 more');
    expect((await scale(id, 2).expect(409)).body).toMatchObject({ quota: 'replicas', used: 3, requested: 1 });
    const stopping = await t.dataSource.query<{ id: string }[]>(
      `SELECT id FROM deployment_replicas WHERE id = ANY($1) AND status = 'stopping'`,
      [replicas],
    );
    await release(stopping.map((each) => each.id));
    await scale(id, 2).expect(200);
    await deploy(project.name, 1).expect(202);
    await deploy(project.name, 1).expect(409);
  });

  it('cannot grow by scaling down and up again and again', async () => {
    const { id, project } = await holding(3, ['running', 'running', 'running']);
    await limit(project.id, { cpu_cores: 4 });
    for (let n = 0; n < 5; n++) {
      await scale(id, 1).expect(200);
      await scale(id, 3);
    }
    const [row] = await t.dataSource.query<[{ open: number }]>(
      `SELECT sum(cpu_cores)::int AS open FROM reservations WHERE deployment_id = $1 AND released_at IS NULL`,
      [id],
    );
    expect(row.open).toBeLessThanOrEqual(4);
  });

  it('cannot grow by deleting and restoring again and again', async () => {
    const { id, project } = await holding(3, ['running', 'running', 'running']);
    await limit(project.id, { replicas: 3 });
    const remove = () => t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
    const restore = () => t.as('ada').post(`/api/deployment/${id}/restore`).expect(202);
    for (let n = 0; n < 3; n++) {
      await remove();
      await restore();
      expect((await usedOf(project.id)).replicas).toBe(3);
      await deploy(project.name, 1).expect(409);
    }
    await limit(project.id, { replicas: 6 });
    await remove();
    await restore();
    expect((await usedOf(project.id)).replicas).toBe(6);
    await remove();
    await limit(project.id, { replicas: 3 });
    await t.dataSource.query(`UPDATE nodes SET last_heartbeat = now() - interval '1 day' WHERE id = $1`, [node]);
    // What a node without an answer holds does not keep anybody from coming back, where there is room.
    const preview = await t.as('ada').post(`/api/deployment/${id}/restore?dry_run=true`).expect(200);
    expect((preview.body as { obstacles: { code: string }[] }).obstacles.map(({ code }) => code)).not.toContain('quota_exceeded');
    await t.dataSource.query(`UPDATE nodes SET last_heartbeat = now() + interval '1 hour' WHERE id = $1`, [node]);
  });

  it('is found by an index of the open ones, so that what there was before costs nothing', async () => {
    const { project } = await holding(1, ['running']);
    const { sql } = (await new QueryTap(t.dataSource).statements(() => deploy(project.name, 1).expect(202))).find((statement) =>
      statement.sql.includes('kept_deployments'),
    )!;
    const values = Array.from({ length: Math.max(...[...sql.matchAll(/\$(\d+)/g)].map((found) => Number(found[1]))) }, () => project.id);
    const plan = await t.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL enable_seqscan = off`);
      return JSON.stringify(await tx.query<unknown[]>(`EXPLAIN ${sql}`, values));
    });
    expect(plan).toMatch(/ix_reservations_open_(deployment|node)/);
    expect(plan).not.toMatch(/Scan (using|on) ix_reservations_deployment/);
  });

  it('goes along in a move, and counts where it comes to', async () => {
    const [{ id, project }, to] = [await holding(1, ['running', 'stopping', 'stopping']), await aProject(t, 'ada')];
    await limit(to.id, { replicas: 2 });
    const move = () => t.as('ada').post(`/api/deployment/${id}/move`).send({ project: to.id });
    expect((await move().expect(409)).body).toMatchObject({ quota: 'replicas', holder: 'project', limit: 2, used: 0, requested: 3 });
    await limit(to.id, { replicas: 3 });
    await move().expect(200);
    expect([(await usedOf(project.id)).replicas, (await usedOf(to.id)).replicas]).toEqual([0, 3]);
  });
});
