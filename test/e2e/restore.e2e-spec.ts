import { inTransaction } from '../../src/database/transaction';
import { Quota } from '../../src/deployments/quota';
import { deployed, expectGone, historyOf, reaches, replicaStatuses, statusOf, recordRows, UNKNOWN_ID } from '../support/deployments';
import { swapImage } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ env: { STOP_GRACE_SECONDS: '1', MAX_DEPLOYMENTS_PER_USER: '9', MAX_REPLICAS_PER_USER: '60' } });
  t.as('root', { admin: true });
});
afterAll(() => t?.close());

const path = (id: string, query = ''): string => `/api/deployment/${id}/restore${query}`;
const remove = (user: string, id: string, query = ''): unknown => t.as(user).delete(`/api/deployment/${id}${query}`).expect(200);
const nameOf = async (user: string, id: string): Promise<string> =>
  (await t.as(user).get(`/api/deployment/status/${id}?include_deleted=true`).expect(200)).body.name as string;

describe('POST /api/deployment/{id}/restore', () => {
  it('brings the whole spec back as a new generation with new containers and one history row', async () => {
    const spec = {
      replicas: 3,
      env: { SIMULATED_LOG: 'the same env' },
      ports: [{ container_port: 80 }],
      labels: { team: 'x' },
      command: ['run', 'it'],
    };
    const id = await deployed(t, 'ada', spec);
    const { body: before } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    await remove('ada', id);

    const { body, headers } = await t.as('ada').post(path(id)).expect(202);
    expect(body).toMatchObject({
      success: true,
      deployment_id: id,
      name: before.name,
      status: 'scheduled',
      generation: 2,
      replicas: 3,
      replicas_warm: 0,
    });
    expect(headers.location).toBe(`/api/deployment/status/${id}`);
    const after = await reaches(t, 'ada', id, 'running', 'healthy');
    expect(replicaStatuses(after)).toEqual(['running', 'running', 'running', 'stopped', 'stopped', 'stopped']);

    const { body: detail } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    for (const field of ['container_image', 'env_names', 'ports', 'labels', 'command', 'region', 'type', 'resources', 'target_replicas'])
      expect([field, detail[field]]).toEqual([field, before[field]]);
    const { body: logs } = await t.as('ada').get(`/api/deployment/${id}/logs`).expect(200);
    expect((logs as { lines: string[] }[]).map(({ lines }) => lines)).toEqual([['the same env'], ['the same env'], ['the same env']]);
    expect((await historyOf(t, 'ada', id)).slice(-2)).toMatchObject([
      {
        old_status: 'deleted',
        new_status: 'scheduled',
        reason: 'Restored by user: 0 of 3 replicas kept warm',
        changed_by: await t.userId('ada'),
      },
      { old_status: 'scheduled', new_status: 'running', reason: 'All 3 replicas started successfully' },
    ]);
    expect(await t.dataSource.query(`SELECT restored_at IS NOT NULL AS restored FROM deletions WHERE deployment_id = $1`, [id])).toEqual([
      { restored: true },
    ]);
  });

  it('can be deleted and restored again and again', async () => {
    const id = await deployed(t, 'bob');
    for (const generation of [2, 3, 4]) {
      await remove('bob', id);
      const { body } = await t.as('bob').post(path(id)).expect(202);
      expect(body.generation).toBe(generation);
      await reaches(t, 'bob', id, 'running', 'healthy');
    }
    await remove('bob', id);
    await expectGone(t.dataSource, id);
  });

  it('keeps the generations apart while the old teardown still runs', async () => {
    const id = await deployed(t, 'cat', { replicas: 2, container_image: 'simulated/stubborn:1' });
    await t.as('cat').delete(`/api/deployment/${id}?wait=0&grace_seconds=2`).expect(202);
    await t.as('cat').post(path(id)).expect(202);
    await reaches(t, 'cat', id, 'running', 'healthy');
    await t.as('cat').delete(`/api/deployment/${id}?wait=0&grace_seconds=2`).expect(202);
    await t.as('cat').post(path(id)).expect(202);
    await reaches(t, 'cat', id, 'running', 'healthy');
    const settled = await until(
      async () => {
        const now = await statusOf(t, 'cat', id);
        return now.replicas.some(({ status }) => status === 'stopping') ? null : now;
      },
      { what: 'the old teardowns' },
    );
    expect(replicaStatuses(settled)).toEqual(['running', 'running', 'stopped', 'stopped', 'stopped', 'stopped']);
    const live = await t.dataSource.query<{ n: number }[]>(
      `SELECT count(*)::int AS n FROM simulated_workloads WHERE deployment_id = $1 AND (gone_at IS NULL OR gone_at > clock_timestamp())`,
      [id],
    );
    expect(live).toEqual([{ n: 2 }]);
  });

  it('brings a stopped deployment back stopped', async () => {
    const id = await deployed(t, 'dan');
    await t.as('dan').post(`/api/deployment/${id}/stop`).expect(202);
    await remove('dan', id);
    const { body } = await t.as('dan').post(path(id)).expect(202);
    expect(body).toMatchObject({ status: 'stopped' });
    expect((await statusOf(t, 'dan', id)).status).toBe('stopped');
    await t.as('dan').post(`/api/deployment/${id}/start`).expect(202);
    await reaches(t, 'dan', id, 'running', 'healthy');
  });

  it('goes on in the containers that were kept warm, on the same nodes, and holds their capacity throughout', async () => {
    const id = await deployed(t, 'eli', { replicas: 2 });
    const before = await statusOf(t, 'eli', id);
    const containers = before.replicas.map((replica) => [replica.id, replica.node_id, replica.container_id]);
    await remove('eli', id, '?keep_warm=10m');
    const { body: preview } = await t.as('eli').post(path(id, '?dry_run=true')).expect(200);
    expect(preview).toMatchObject({ possible: true, replicas: 2, replicas_warm: 2, placement: null });

    const { body } = await t.as('eli').post(path(id)).expect(202);
    expect(body).toMatchObject({ replicas: 2, replicas_warm: 2 });
    const after = await reaches(t, 'eli', id, 'running', 'healthy');
    expect(after.replicas.map((replica) => [replica.id, replica.node_id, replica.container_id])).toEqual(containers);
    await remove('eli', id);
    await expectGone(t.dataSource, id);
  });

  it('needs no image while all containers are warm: one that is gone refused such restores', async () => {
    const id = await deployed(t, 'fio', { replicas: 2 });
    await remove('fio', id, '?keep_warm=10m');
    await swapImage(t.dataSource, id, 'simulated/missing:2');
    expect((await t.as('fio').post(path(id, '?dry_run=true')).expect(200)).body).toMatchObject({ possible: true, image: 'unknown' });
    expect((await t.as('fio').post(path(id)).expect(202)).body).toMatchObject({ replicas_warm: 2 });
    await reaches(t, 'fio', id, 'running', 'healthy');
    await remove('fio', id);
  });

  it('says in a preview what it would do, and writes nothing', async () => {
    const id = await deployed(t, 'fay', { replicas: 2 });
    await remove('fay', id);
    const before = await recordRows(t.dataSource);
    const { body } = await t.as('fay').post(path(id, '?dry_run=true')).expect(200);
    expect(body).toMatchObject({
      dry_run: true,
      possible: true,
      obstacles: [],
      status: 'scheduled',
      replicas: 2,
      replicas_warm: 0,
      image: 'available',
    });
    expect(body.placement.requested).toBe(2);
    expect(body.purge_at).not.toBeNull();
    expect(await recordRows(t.dataSource)).toEqual(before);
  });

  it('refuses while the name is taken, and takes another one', async () => {
    const id = await deployed(t, 'gus');
    const name = await nameOf('gus', id);
    await remove('gus', id);
    await deployed(t, 'gus', { name });
    const before = await recordRows(t.dataSource);
    const { body } = await t.as('gus').post(path(id)).expect(409);
    expect(body).toMatchObject({ code: 'name_taken', detail: `Another deployment is named ${name} now; give another name` });
    const { body: preview } = await t.as('gus').post(path(id, '?dry_run=true')).expect(200);
    expect(preview.obstacles).toMatchObject([{ code: 'name_taken' }]);
    expect((await recordRows(t.dataSource)).deployments).toEqual(before.deployments);
    await t.as('gus').post(path(id)).send({ name: 'no spaces' }).expect(422);
    await t
      .as('gus')
      .post(path(id))
      .send({ name: `${name}-2` })
      .expect(202);
    expect(await nameOf('gus', id)).toBe(`${name}-2`);
  });

  it('refuses when the image is gone, when the quota is used up, and when there is no room; and changes nothing', async () => {
    const lost = await deployed(t, 'hal', { replicas: 1 });
    await remove('hal', lost);
    await swapImage(t.dataSource, lost, 'simulated/missing:1');
    const large = await deployed(t, 'hal', { replicas: 40 });
    await remove('hal', large);
    await t.dataSource.query(`UPDATE deployments SET target_replicas = 100 WHERE id = $1`, [large]);
    const before = await recordRows(t.dataSource);

    const refused = await t.as('hal').post(path(lost)).expect(409);
    expect(refused.body).toMatchObject({ code: 'image_unavailable' });
    const foreseen = await t.as('hal').post(path(lost, '?dry_run=true')).expect(200);
    expect(foreseen.body.obstacles).toEqual([{ code: 'image_unavailable', detail: refused.body.detail }]);
    expect((await t.as('hal').post(path(large)).expect(409)).body).toMatchObject({ code: 'quota_exceeded', quota: 'replicas', limit: 60 });
    await t.dataSource.query(`UPDATE deployments SET target_replicas = 60 WHERE id = $1`, [large]);
    await t.dataSource.query(`UPDATE nodes SET cordoned = true`);
    try {
      expect((await t.as('hal').post(path(large)).expect(409)).body).toMatchObject({ code: 'insufficient_capacity' });
      const { body } = await t.as('hal').post(path(large, '?dry_run=true')).expect(200);
      expect(body).toMatchObject({ possible: false, obstacles: [{ code: 'insufficient_capacity' }] });
    } finally {
      await t.dataSource.query(`UPDATE nodes SET cordoned = false`);
    }
    const after = await recordRows(t.dataSource);
    for (const table of ['deployment_replicas', 'reservations', 'placements', 'deployment_status_history'])
      expect([table, after[table]]).toEqual([table, before[table]]);
  });

  it('refuses a live deployment, and tells strangers nothing', async () => {
    const id = await deployed(t, 'ina');
    expect((await t.as('ina').post(path(id)).expect(409)).body).toMatchObject({ code: 'not_deleted' });
    await remove('ina', id);
    const foreign = await t.as('eve').post(path(id)).expect(404);
    const missing = await t.as('eve').post(path(UNKNOWN_ID)).expect(404);
    expect(foreign.body.detail.replace(id, UNKNOWN_ID)).toBe(missing.body.detail);
    await t.as('ina').post(path('not-a-uuid')).expect(404);
    await t.as('root').post(path(id)).expect(202);
  });

  it('is won by one of many, and by one of restore and delete at a time', async () => {
    const id = await deployed(t, 'jon', { replicas: 2 });
    await remove('jon', id);
    const answers = await Promise.all(Array.from({ length: 6 }, () => t.as('jon').post(path(id))));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409, 409, 409]);
    await Promise.all([t.as('jon').delete(`/api/deployment/${id}?wait=0`), t.as('jon').post(path(id)), t.as('jon').post(path(id))]);
    await t.as('jon').delete(`/api/deployment/${id}?wait=0`);
    await expectGone(t.dataSource, id);
    const rows = await historyOf(t, 'jon', id);
    for (const [index, row] of rows.entries()) expect(row.old_status).toBe(index === 0 ? 'none' : rows[index - 1]!.new_status);
  });

  it('gives one of two deployments of one name back when both are restored at once', async () => {
    const first = await deployed(t, 'kim', { name: 'twin' });
    await remove('kim', first);
    const second = await deployed(t, 'kim', { name: 'twin' });
    await remove('kim', second);
    const answers = await Promise.all([first, second].map((id) => t.as('kim').post(path(id))));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect(answers.find(({ status }) => status === 409)!.body.code).toBe('name_taken');
  });
});

describe('quotas', () => {
  it('are looked at by a preview without waiting for a deploy of the same user that holds them', async () => {
    const id = await deployed(t, 'pia');
    await remove('pia', id);
    const userId = await t.userId('pia');
    await inTransaction(t.dataSource, async (tx) => {
      const demand = { userId, projectId: userId, asker: { userId, isAdmin: false }, amounts: { deployments: 1, replicas: 1 } };
      await t.app.get(Quota, { strict: false }).require(tx, demand);
      expect((await t.as('pia').post(path(id, '?dry_run=true')).expect(200)).body).toMatchObject({ possible: true });
    });
  });

  it('are never exceeded by a race of deployments, scalings and restores', async () => {
    const answers = await Promise.all(
      Array.from({ length: 14 }, (_unused, n) =>
        t
          .as('quo')
          .post('/api/deployment/deploy')
          .send({ name: `q${n}`, type: 'compute', container_image: 'a:1', resources: { cpu: 0.5, memory: 512, storage: 1 } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(9);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(5);
    expect(refused[0]!.body).toMatchObject({ code: 'quota_exceeded', quota: 'deployments', limit: 9 });
    const id = answers.find(({ status }) => status === 202)!.body.deployment_id as string;
    await reaches(t, 'quo', id, 'running');
    expect((await t.as('quo').post(`/api/deployment/scale/${id}`).send({ replicas: 53 }).expect(409)).body).toMatchObject({
      code: 'quota_exceeded',
    });
  });
});
