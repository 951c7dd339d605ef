import { aSpec, deploy, deployed, ISO_TIME, statusOf, UNKNOWN_ID } from '../support/deployments';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { wholeDatabase } from '../support/whole-database';

const DAY_MS = 86_400_000;

describe('DELETE /api/deployment/{deployment_id}?dry_run=true', () => {
  let t: TestApp;
  let near: string;
  let away: string;
  beforeAll(async () => {
    // Without a worker nothing else changes, so that a write by a preview would show.
    t = await startTestApp({ env: { ROLE: 'api' } });
    near = await aNode(t.dataSource, { name: 'near', last_heartbeat: new Date(Date.now() + 3_600_000) });
    away = await aNode(t.dataSource, { name: 'away', last_heartbeat: new Date('2026-01-01T00:00:00Z') });
    await t.token('ada', {});
  });
  afterAll(() => t?.close());

  const preview = (id: string, query = '') => t.as('ada').delete(`/api/deployment/${id}?dry_run=true${query}`);
  const placed = async (): Promise<{ id: string; replicas: string[] }> => {
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), name: `web-${Date.now()}`, target_replicas: 4 });
    const on = (node_id: string, status: string) =>
      aPlacedReplica(t.dataSource, { deployment_id: id, node_id, status }, { cpuCores: 0.1, memoryMb: 512, gpuUnits: 0, storageGb: 10 });
    const replicas = [await on(near, 'running'), await on(near, 'running'), await on(near, 'pending'), await on(away, 'running')];
    await t.dataSource.query(`UPDATE deployment_replicas SET published = $2 WHERE id = $1`, [
      replicas[0],
      JSON.stringify([{ containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 32_768 }]),
    ]);
    return { id, replicas };
  };
  const removeAll = (id: string) =>
    t.dataSource.query(
      `WITH gone AS (UPDATE deployment_replicas SET status = 'stopped', stopped_at = now() WHERE deployment_id = $1 RETURNING id)
       UPDATE reservations SET released_at = now() WHERE released_at IS NULL AND replica_id IN (SELECT id FROM gone)`,
      [id],
    );

  it('tells what would happen, node by node, and writes nothing anywhere', async () => {
    const { id, replicas } = await placed();
    const { name } = (await statusOf(t, 'ada', id)) as unknown as { name: string };
    const before = await wholeDatabase(t.dataSource);
    const answer = await preview(id).expect(200);
    expect(await wholeDatabase(t.dataSource)).toEqual(before);
    expect(answer.body).toEqual({
      dry_run: true,
      deployment_id: id,
      name,
      status: 'running',
      etag: '"1"',
      replicas: { running: 3, pending: 1 },
      nodes: [
        {
          node_id: away,
          node_name: 'away',
          reachable: false,
          replicas: { running: 1 },
          would_free: { cpu_cores: 0.1, memory_mb: 512, gpu_units: 0, storage_gb: 10 },
        },
        {
          node_id: near,
          node_name: 'near',
          reachable: true,
          replicas: { running: 2, pending: 1 },
          would_free: { cpu_cores: 0.3, memory_mb: 1536, gpu_units: 0, storage_gb: 30 },
        },
      ],
      unreachable_nodes: ['away'],
      ports: [{ replica_id: replicas[0], node_name: 'near', container_port: 80, protocol: 'tcp', host_ip: '0.0.0.0', host_port: 32_768 }],
      keeps_volumes: [],
      frees_name: name,
      grace_seconds: 10,
      force: false,
      held_until: null,
      purge_at: expect.stringMatching(ISO_TIME),
      retention_policy: '30 days, the default',
      would_be_refused: null,
      warnings: ['Node away does not answer: the stop would wait until it returns'],
    });
    expect(answer.headers.etag).toBe('"1"');
    expect(new Date(answer.body.purge_at).getTime() - Date.now()).toBeGreaterThan(30 * DAY_MS - 60_000);
    await removeAll(id);
  });

  it('shows what the options would change, and what an administrator would give up', async () => {
    const { id } = await placed();
    const { body: warm } = await preview(id, '&keep_warm=10m&grace_seconds=42').expect(200);
    expect(warm).toMatchObject({ grace_seconds: 42, force: false, held_until: expect.stringMatching(ISO_TIME) });
    expect(warm.warnings.at(-1)).toBe(`Capacity of running replicas would be held until ${warm.held_until}`);
    expect(new Date(warm.held_until).getTime() - Date.now()).toBeGreaterThan(590_000);
    expect((await preview(id, '&force=true').expect(200)).body).toMatchObject({
      grace_seconds: 0,
      force: true,
      warnings: ['Node away does not answer: the stop would wait until it returns'],
    });
    const { body: forced } = await t.as('root', { admin: true }).delete(`/api/deployment/${id}?dry_run=true&force=true`).expect(200);
    expect(forced.warnings).toEqual(['Node away does not answer: what it holds would be given up']);
    await removeAll(id);
  });

  it('names the policy that sets the time of the purge', async () => {
    await t.dataSource.query(
      `INSERT INTO retention_policies (selector, value, days, changed_by) SELECT 'label', 'team=edge', 7, id FROM users LIMIT 1`,
    );
    const id = await deploy(t, 'ada', { labels: { team: 'edge' } });
    const { body } = await preview(id).expect(200);
    expect(body.retention_policy).toBe('7 days, by the policy for label team=edge');
    expect(Math.round((new Date(body.purge_at).getTime() - Date.now()) / DAY_MS)).toBe(7);
  });

  it('says what the delete would be refused with', async () => {
    const id = await deploy(t, 'ada', { protected: true, protection_reason: 'Pays the bills' });
    expect((await preview(id).expect(200)).body.would_be_refused).toEqual({
      code: 'deployment_protected',
      detail: 'The deployment is protected: Pays the bills',
    });
    await t.as('root', { admin: true }).put(`/api/deployment/${id}/legal-hold`).send({ reason: 'case 12' }).expect(200);
    const { body } = await preview(id).expect(200);
    expect(body.would_be_refused).toEqual({ code: 'legal_hold', detail: 'The deployment is under legal hold' });
    expect(JSON.stringify(body)).not.toContain('case 12');
  });

  it('answers as the delete itself to what is missing, foreign, deleted, changed or no id', async () => {
    const id = await deploy(t, 'ada');
    expect((await preview('no-uuid').expect(400)).body.code).toBe('invalid_deployment_id');
    const missing = await preview(UNKNOWN_ID).set('X-Request-Id', 'same').expect(404);
    const foreign = await t.as('bob').delete(`/api/deployment/${id}?dry_run=true`).set('X-Request-Id', 'same').expect(404);
    expect(foreign.text.replaceAll(id, UNKNOWN_ID)).toBe(missing.text);
    expect((await preview(id).set('If-Match', '"99"').expect(412)).body).toMatchObject({ code: 'precondition_failed', etag: '"1"' });
    await preview(id).set('If-Match', '"1"').expect(200);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect((await preview(id).expect(409)).body).toMatchObject({ code: 'already_deleted', deployment_id: id });
    await t.as('ada').delete(`/api/deployment/${id}?dry_run=maybe`).expect(400);
  });
});

describe('a preview and then the delete', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  it('deletes exactly what was shown, or nothing', async () => {
    const id = await deployed(t, 'ada', { replicas: 2 });
    const { body: shown } = await t.as('ada').delete(`/api/deployment/${id}?dry_run=true`).expect(200);
    expect(shown.replicas).toEqual({ running: 2 });
    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 3 }).expect(200);
    const refused = await t.as('ada').delete(`/api/deployment/${id}`).set('If-Match', shown.etag).expect(412);
    expect(refused.body).toMatchObject({ code: 'precondition_failed', detail: 'The deployment has changed since it was read' });
    expect(await statusOf(t, 'ada', id)).toMatchObject({ status: 'running', target_replicas: 3 });

    const { body: again } = await t.as('ada').delete(`/api/deployment/${id}?dry_run=true`).expect(200);
    expect(again.etag).toBe(refused.body.etag);
    await t.as('ada').delete(`/api/deployment/${id}`).set('If-Match', again.etag).expect(200);
    await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send(aSpec({ name: shown.frees_name }))
      .expect(202);
  });
});
