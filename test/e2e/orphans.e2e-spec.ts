import { randomUUID } from 'node:crypto';
import { deployed, NO_IDS, statusOf, UNKNOWN_ID } from '../support/deployments';
import { aStranger, decide, orphansOf, root, untilListed } from '../support/orphans';
import { SimulatedEngine } from '../support/simulated-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('orphans', () => {
  let t: TestApp;
  let engine: SimulatedEngine;
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '3', STOP_GRACE_SECONDS: '0' } });
    engine = new SimulatedEngine(t.dataSource);
  });
  afterAll(() => t?.close());

  const running = async (id: string) => (await statusOf(t, 'ada', id)).replicas.filter(({ status }) => status === 'running');
  const gone = (replicaId: string) => until(async () => !(await engine.has(replicaId)), { what: 'the container to be gone' });
  const shown = async (id: string) => (await root(t).get(`/api/admin/orphans/${id}`).expect(200)).body;

  /** A deployment of which a container runs that no replica stands for, and that has one replica too few. */
  async function short(): Promise<{ id: string; stranger: string; nodeId: string }> {
    const id = await deployed(t, 'ada', { replicas: 2, container_image: 'nginx:1.27' });
    const [first, second] = await running(id);
    const stranger = await aStranger(t.dataSource, first!.id);
    await untilListed(t, stranger);
    // As long as its node does not answer, the second replica is one that runs, and so nothing is missing.
    await t.dataSource.query(`UPDATE deployments SET target_replicas = 3, version = version + 1 WHERE id = $1`, [id]);
    expect(second).toBeDefined();
    return { id, stranger, nodeId: first!.node_id };
  }

  it('shows a container of a deployment that was never known from the second look on, with all that is known of it', async () => {
    const id = await deployed(t, 'ada');
    const [replica] = await running(id);
    const stranger = await aStranger(t.dataSource, replica!.id, { deploymentId: randomUUID() });
    const orphan = await untilListed(t, stranger);
    expect(orphan).toMatchObject({
      ...{ kind: 'container', state: 'found', suggested_action: 'reap', node_id: replica!.node_id, image: 'nginx:1.27', phase: 'running' },
      ...{ replica_status: null, attempts: 0, last_error: null, ended_at: null, etag: '"1"' },
      engine_id: `simulated-${replica!.node_id}`,
      deployment: { known: 'unknown', name: null, status: null },
    });
    expect(orphan.sightings).toBeGreaterThanOrEqual(2);
    expect(await engine.has(stranger)).toBe(true);
    expect((await orphansOf(t, '&kind=replica')).map((each) => each.id)).not.toContain(orphan.id);
    expect((await orphansOf(t, `&node_id=${replica!.node_id}&kind=container`)).map((each) => each.id)).toContain(orphan.id);
    expect(await orphansOf(t, `&node_id=${UNKNOWN_ID}`)).toEqual([]);
    await engine.vanish(stranger);
    await until(async () => !(await orphansOf(t)).some((each) => each.id === orphan.id), { what: 'it to leave the list' });
    await root(t).get(`/api/admin/orphans/${orphan.id}`).expect(404);
  });

  it('removes a container that was reaped, and shows how that ended', async () => {
    const id = await deployed(t, 'ada');
    const [replica] = await running(id);
    const stranger = await aStranger(t.dataSource, replica!.id, { deploymentId: randomUUID() });
    const orphan = await untilListed(t, stranger);
    const { body: preview, headers } = await root(t).get(`/api/admin/orphans/${orphan.id}/reap-preview`).expect(200);
    expect(preview).toMatchObject({ dry_run: true, possible: true, code: null, etag: orphan.etag });
    expect(headers.etag).toMatch(/^"1[.-]/);
    const dry = await root(t).post(`/api/admin/orphans/${orphan.id}/reap?dry_run=true`).expect(200);
    expect(dry.body).toMatchObject({ dry_run: true, possible: true });
    expect(await engine.has(stranger)).toBe(true);

    const { body, headers: answered } = await root(t)
      .post(`/api/admin/orphans/${orphan.id}/reap`)
      .set('If-Match', headers.etag!)
      .expect(202);
    expect(body).toMatchObject({ id: orphan.id, state: 'reaping', etag: '"2"' });
    expect(answered.location).toBe(`/api/admin/orphans/${orphan.id}`);
    await gone(stranger);
    const after = await until(async () => ((await shown(orphan.id)).state === 'reaped' ? shown(orphan.id) : null), { what: 'the proof' });
    expect(after.ended_at).not.toBeNull();
    expect((await orphansOf(t)).map((each) => each.id)).not.toContain(orphan.id);
    expect((await orphansOf(t, '&state=reaped')).map((each) => each.id)).toContain(orphan.id);
    const { body: audit } = await root(t).get(`/api/admin/audit?action=orphan.reap&resource_id=${orphan.id}`).expect(200);
    expect(audit).toMatchObject([
      { outcome: 'done', before: { subject: orphan.container_id, state: 'found' }, after: { state: 'reaping' } },
    ]);
    expect((await running(id)).map((each) => each.id)).toEqual([replica!.id]);
  });

  it('takes a decision only for what was seen, and only once', async () => {
    const id = await deployed(t, 'ada');
    const stranger = await aStranger(t.dataSource, (await running(id))[0]!.id, { deploymentId: randomUUID() });
    const orphan = await untilListed(t, stranger);
    const path = `/api/admin/orphans/${orphan.id}/reap`;
    for (const condition of [undefined, '*']) {
      const asked = root(t).post(path);
      const { body } = await (condition === undefined ? asked : asked.set('If-Match', condition)).expect(428);
      expect(body.code).toBe('precondition_required');
    }
    // It ends, which is another orphan than the one that was looked at.
    await engine.kill(stranger);
    await until(async () => (await shown(orphan.id)).etag !== orphan.etag, { what: 'the change to be seen' });
    expect((await decide(t, 'reap', orphan).expect(412)).body).toMatchObject({ code: 'precondition_failed', etag: '"2"' });

    const fresh = await shown(orphan.id);
    const answers = await Promise.all(
      ['root', 'eve', 'root'].map((name) => t.as(name, { admin: true }).post(path).set('If-Match', fresh.etag)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    await gone(stranger);
  });

  it.each(NO_IDS.filter((text) => !text.includes('%2f')).concat(UNKNOWN_ID))('answers 404 to %j in the place of an id', async (text) => {
    for (const path of ['', '/reap-preview', '/adopt-preview']) await root(t).get(`/api/admin/orphans/${text}${path}`).expect(404);
    for (const verb of ['reap', 'adopt']) await root(t).post(`/api/admin/orphans/${text}/${verb}`).set('If-Match', '"1"').expect(404);
  });

  it.each(['kind=node', 'kind=', 'node_id=1', 'state=gone', 'limit=0', 'offset=-1', 'sort=name'])('refuses the query %s', (query) =>
    root(t).get(`/api/admin/orphans?${query}`).expect(400),
  );

  it('makes a container a replica of its deployment again, with its reservation', async () => {
    const { id, stranger, nodeId } = await short();
    const orphan = await until(
      async () => {
        const found = await untilListed(t, stranger);
        return found.suggested_action === 'adopt' ? found : null;
      },
      { what: 'the adoption to be possible' },
    );
    const reserved = async () => Number((await root(t).get(`/api/nodes/${nodeId}`)).body.reserved.cpu_cores);
    const before = await reserved();
    expect((await root(t).get(`/api/admin/orphans/${orphan.id}/adopt-preview`).expect(200)).body.possible).toBe(true);
    const { body } = await decide(t, 'adopt', orphan).expect(202);
    expect(body).toMatchObject({ state: 'adopted', replica_id: stranger });
    expect(await reserved()).toBe(before + 0.5);
    await until(async () => (await running(id)).some((replica) => replica.id === stranger), { what: 'the replica to run' });
    await until(async () => (await statusOf(t, 'ada', id)).health === 'healthy', { what: 'it to be healthy' });
    expect(await running(id)).toHaveLength(3);
    expect(await engine.has(stranger)).toBe(true);
    const { body: audit } = await root(t).get(`/api/admin/audit?action=orphan.adopt&resource_id=${orphan.id}`).expect(200);
    expect(audit).toMatchObject([{ outcome: 'done', after: { state: 'adopted', replica_id: stranger } }]);
    const types = await t.dataSource.query(`SELECT type FROM events WHERE deployment_id = $1 AND type = 'fog.deployment.adopted'`, [id]);
    expect(types).toHaveLength(1);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await gone(stranger);
  });
});
