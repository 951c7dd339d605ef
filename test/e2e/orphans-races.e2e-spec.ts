import { deployed, reaches, settles, statusOf } from '../support/deployments';
import { aStranger, decide, orphansOf, root, untilListed, type OrphanBody } from '../support/orphans';
import { aDeletedDeployment } from '../support/purge';
import { aDeployment, aPlacedReplica, insertRow } from '../support/rows';
import { SimulatedEngine } from '../support/simulated-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const ROUNDS = 4;

describe('decisions about orphans', () => {
  let t: TestApp;
  let engine: SimulatedEngine;
  beforeAll(async () => {
    t = await startTestApp({
      env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '3', STOP_GRACE_SECONDS: '0', NODE_LOST_AFTER_SECONDS: '0' },
    });
    engine = new SimulatedEngine(t.dataSource);
  });
  afterAll(() => t?.close());

  const running = async (id: string) => (await statusOf(t, 'ada', id)).replicas.filter(({ status }) => status === 'running');
  const gone = (replicaId: string) => until(async () => !(await engine.has(replicaId)), { what: 'the container to be gone' });
  const adopt = (orphan: OrphanBody) =>
    root(t).post(`/api/admin/orphans/${orphan.id}/adopt?raise_target=true`).set('If-Match', orphan.etag);

  async function withStranger(
    over: Readonly<Record<string, unknown>> = {},
  ): Promise<{ id: string; orphan: OrphanBody; stranger: string; nodeId: string }> {
    const id = await deployed(t, 'ada', over);
    await settles(t, 'ada', id);
    const [replica] = await running(id);
    const stranger = await aStranger(t.dataSource, replica!.id);
    return { id, stranger, orphan: await untilListed(t, stranger), nodeId: replica!.node_id };
  }

  it('lets the wanted number grow only when that is asked for, and tells the owner of it', async () => {
    const { id, orphan, stranger } = await withStranger();
    expect((await decide(t, 'adopt', orphan).expect(409)).body.detail).toMatch(/All 1 replicas .* run already/);
    expect((await root(t).get(`/api/admin/orphans/${orphan.id}/adopt-preview`)).body).toMatchObject({ possible: false, code: 'conflict' });
    await adopt(orphan).expect(202);
    const view = await until(async () => ((await running(id)).length === 2 ? statusOf(t, 'ada', id) : null), { what: 'two replicas' });
    expect(view.target_replicas).toBe(2);
    expect(view.recent_status_changes[0]).toMatchObject({ reason: 'Scaled up from 1 to 2 replicas (1 added)', new_status: 'running' });
    expect((await running(id)).map((replica) => replica.id)).toContain(stranger);
  });

  it('never reserve more than the node has', async () => {
    const { id, orphan, nodeId } = await withStranger({ resources: { cpu: 8, memory: 512, storage: 1 } });
    const [room] = await t.dataSource.query(`SELECT cpu_cores - reserved_cpu_cores AS free FROM nodes WHERE id = $1`, [nodeId]);
    const owner = await t.userId('ada');
    const filler = await aDeployment(t.dataSource, { user_id: owner, status: 'running', name: 'filler' });
    const replica = await aPlacedReplica(t.dataSource, { deployment_id: filler, node_id: nodeId }, { cpuCores: Number(room.free) - 1 });
    expect((await adopt(orphan).expect(409)).body.code).toBe('insufficient_capacity');
    expect(await running(id)).toHaveLength(1);
    expect((await statusOf(t, 'ada', id)).target_replicas).toBe(1);
    await t.as('ada').delete(`/api/deployment/${filler}?wait=60`).expect(200);
    await gone(replica);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await gone(orphan.replica_id!);
  });

  it('have one winner of a reap and an adoption at once, and of two of each', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id, orphan, stranger } = await withStranger();
      const answers = await Promise.all([adopt(orphan), decide(t, 'reap', orphan), adopt(orphan), decide(t, 'reap', orphan)]);
      const [won] = answers.filter(({ status }) => status === 202);
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
      if (won!.body.state === 'adopted') {
        await until(async () => (await running(id)).length === 2, { what: 'the adopted replica to run' });
        expect(await engine.has(stranger)).toBe(true);
      } else {
        await gone(stranger);
        expect(await running(id)).toHaveLength(1);
      }
      await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    }
  });

  it('and a scaling, a stop or a delete at once leave no container that nobody stands for', async () => {
    for (const other of ['scale', 'delete', 'stop'] as const) {
      for (let round = 0; round < 2; round++) {
        const { id, orphan, stranger } = await withStranger();
        const ada = t.as('ada');
        const path = `/api/deployment/${other === 'scale' ? `scale/${id}` : other === 'stop' ? `${id}/stop` : id}`;
        const sent = other === 'delete' ? ada.delete(path) : ada.post(path).send(other === 'scale' ? { replicas: 3 } : undefined);
        const [adopted, answer] = await Promise.all([adopt(orphan), sent]);
        expect([202, 409]).toContain(adopted.status);
        expect(answer.status).toBeLessThan(300);
        if (other === 'scale') {
          // Whoever comes second counts what the first has written.
          const wanted = (await statusOf(t, 'ada', id)).target_replicas;
          await until(async () => (await running(id)).length === wanted, { what: `${wanted} replicas` });
          await ada.delete(`/api/deployment/${id}?wait=60`).expect(200);
        }
        if (other === 'stop' && adopted.status === 409) await ada.delete(`/api/deployment/${id}?wait=60`).expect(200);
        await gone(stranger);
        expect((await statusOf(t, 'ada', id)).replicas.filter(({ status }) => status === 'running')).toEqual([]);
      }
    }
  });

  it('are not needed where a deployment is deleted after its container was seen, and a restore brings that back to nobody', async () => {
    const { id, orphan, stranger } = await withStranger();
    const [deleted] = await Promise.all([t.as('ada').delete(`/api/deployment/${id}`), decide(t, 'reap', orphan)]);
    expect(deleted.status).toBe(200);
    await gone(stranger);
    await t.as('ada').post(`/api/deployment/${id}/restore`).expect(202);
    await reaches(t, 'ada', id, 'running', 'healthy');
    expect((await running(id)).map((replica) => replica.id)).not.toContain(stranger);
  });

  it('are not needed for containers of replicas that are over and of purged deployments', async () => {
    const { id, stranger: first } = await withStranger();
    const [replica] = await running(id);
    const purged = await aDeletedDeployment(t.dataSource, await t.userId('ada'));
    await root(t).delete(`/api/admin/deployment/${purged}`).expect(200);
    const second = await aStranger(t.dataSource, replica!.id, { deploymentId: purged });
    await gone(second);
    expect(await engine.has(first)).toBe(true);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await gone(first);
  });

  it('end a replica whose container is missing, so that it gets a successor', async () => {
    const id = await deployed(t, 'ada');
    const [replica] = await running(id);
    // A look at the node would take it off the list, as its container is there.
    await engine.setUnreachable(replica!.node_id, true);
    await until(async () => (await root(t).get(`/api/nodes/${replica!.node_id}`)).body.status === 'offline', {
      what: 'the node to be offline',
    });
    const row = {
      kind: 'replica',
      subject: replica!.id,
      replica_id: replica!.id,
      deployment_id: id,
      sightings: 2,
      node_id: replica!.node_id,
    };
    const known = { id: await insertRow(t.dataSource, 'orphans', row), etag: '"1"' };
    expect((await orphansOf(t, '&kind=replica'))[0]).toMatchObject({ suggested_action: 'reap', replica_status: 'running' });
    expect((await decide(t, 'adopt', known).expect(422)).body.code).toBe('validation_failed');
    expect((await decide(t, 'reap', known).expect(202)).body).toMatchObject({ state: 'reaped', replica_status: 'failed' });
    await until(async () => (await running(id)).some((each) => each.id !== replica!.id), { what: 'a successor' });
    await engine.setUnreachable(replica!.node_id, false);
    await gone(replica!.id);
    expect(await running(id)).toHaveLength(1);
  });

  it('take away the routes of a deployment that is gone', async () => {
    const id = await deployed(t, 'ada', { ports: [{ container_port: 80 }], routes: [{ port: 80 }] });
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await t.dataSource.query(`UPDATE deployment_routes SET removed_at = NULL WHERE deployment_id = $1`, [id]);
    const row = { kind: 'route', subject: id, deployment_id: id, sightings: 2 };
    const orphan = await insertRow(t.dataSource, 'orphans', row);
    expect(await orphansOf(t, '&kind=route')).toMatchObject([{ id: orphan, suggested_action: 'reap', deployment: { known: 'deleted' } }]);
    await decide(t, 'reap', { id: orphan, etag: '"1"' }).expect(202);
    expect(await t.dataSource.query(`SELECT 1 FROM deployment_routes WHERE deployment_id = $1 AND removed_at IS NULL`, [id])).toEqual([]);
  });

  it('wait for a node that is away, and tell why a removal failed', async () => {
    const { id, orphan, stranger, nodeId } = await withStranger();
    await engine.setUnreachable(nodeId, true);
    await until(async () => (await root(t).get(`/api/nodes/${nodeId}`)).body.status === 'offline', { what: 'the node to be offline' });
    expect((await adopt(orphan).expect(409)).body.detail).toMatch(/takes no replicas: offline/);
    await decide(t, 'reap', orphan).expect(202);
    expect((await root(t).get(`/api/admin/orphans/${orphan.id}`)).body.state).toBe('reaping');
    expect(await engine.has(stranger)).toBe(true);
    await engine.setUnreachable(nodeId, false);
    await gone(stranger);
    await until(async () => (await root(t).get(`/api/admin/orphans/${orphan.id}`)).body.state === 'reaped', { what: 'the proof' });
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
  });
});
