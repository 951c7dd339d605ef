import { deployed, expectInvariants, freshName, ISO_TIME, statusOf, UNKNOWN_ID } from '../support/deployments';
import { aDeletedDeployment, aDeletion, expectNothingLeft, letRetentionPass, purgeAuditsOf, purgeEventsOf, rowsOf } from '../support/purge';
import { QueryTap } from '../support/query-tap';
import { aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const path = (id: string, query = ''): string => `/api/admin/deployment/${id}${query}`;
const OVERRIDE = '?override_retention=true&reason=asked%20for%20by%20its%20owner';

describe('DELETE /api/admin/deployment/{id}', () => {
  let t: TestApp;
  let tap: QueryTap;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', NODE_SYNC_SECONDS: '1' } });
    tap = new QueryTap(t.dataSource);
    await t.token('root', { admin: true });
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());

  const root = (): ReturnType<TestApp['as']> => t.as('root', { admin: true });
  const kept = async (over: Parameters<typeof aDeletedDeployment>[2] = {}): Promise<string> =>
    aDeletedDeployment(t.dataSource, await t.userId('ada'), { dueSecondsAgo: -86_400, ...over });
  const isThere = async (id: string): Promise<boolean> => (await rowsOf(t.dataSource, id)).deployments === 1;

  it('is what purge_at announces from the deletion on: in the answer, status, detail and list', async () => {
    const id = await deployed(t, 'ada');
    expect(await statusOf(t, 'ada', id)).toMatchObject({ purge_at: null });
    const { body: deleted } = await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    const purgeAt = new Date(new Date(deleted.deleted_at as string).getTime() + 30 * 86_400_000).toISOString();
    expect(await statusOf(t, 'ada', id)).toMatchObject({ purge_at: purgeAt });
    const { body: detail } = await t.as('ada').get(`/api/deployment/${id}?include_deleted=true`).expect(200);
    expect(detail.purge_at).toBe(purgeAt);
    const { body: list } = await t.as('ada').get('/api/deployment/list?include_deleted=true&limit=100').expect(200);
    expect((list as { id: string; purge_at?: string }[]).find((item) => item.id === id)?.purge_at).toBe(purgeAt);
  });

  it('refuses while the retention runs, and says until when', async () => {
    const id = await kept();
    const { body } = await root().delete(path(id)).expect(409);
    expect(body).toMatchObject({
      code: 'retention_not_over',
      blocked_by: ['retention_not_over'],
      purge_at: expect.stringMatching(ISO_TIME),
    });
    expect(await isThere(id)).toBe(true);
  });

  it('purges after the retention: nothing of it is left, the name is free, its audit stays readable', async () => {
    const name = freshName();
    const id = await deployed(t, 'ada', { name });
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await letRetentionPass(t.dataSource, id);
    const { body } = await root().delete(path(id)).expect(200);
    expect(body).toMatchObject({ deployment_id: id, name, dry_run: false, purged: true, blocked_by: [], containers: 0 });
    expect(body.rows).toMatchObject({ deployments: 1, deployment_replicas: 1, reservations: 1, deletions: 1 });

    await expectNothingLeft(t.dataSource, id);
    for (const view of [`status/${id}`, id, `${id}/history`])
      await t.as('ada').get(`/api/deployment/${view}?include_deleted=true`).expect(404);
    await root().delete(path(id)).expect(404);
    expect(await purgeEventsOf(t.dataSource, id)).toEqual([{ user_id: await t.userId('ada') }]);
    const { body: audit } = await root().get(`/api/admin/audit?resource_id=${id}&action=deployment.purge&outcome=done`).expect(200);
    expect(JSON.stringify(audit)).toContain(name);
    await deployed(t, 'ada', { name });
  });

  it('purges before the end of the retention with a reason, which the audit log keeps', async () => {
    const id = await kept();
    const without = await root().delete(path(id, '?override_retention=true')).expect(400);
    expect(without.body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: 'reason' }] });
    for (const reason of ['', 'x'.repeat(501)])
      await root()
        .delete(path(id, `?override_retention=true&reason=${reason}`))
        .expect(400);
    await root().delete(path(id, OVERRIDE)).expect(200);
    await expectNothingLeft(t.dataSource, id);
    expect(await purgeAuditsOf(t.dataSource, id)).toMatchObject([
      { via: 'session', after: { reason: 'asked for by its owner', override_retention: true } },
    ]);
  });

  it('shows in a dry run what would go and what is in the way, and writes nothing', async () => {
    const id = await kept({ replicas: 2 });
    const before = await rowsOf(t.dataSource, id);
    const { body } = await root().delete(path(id, '?dry_run=true')).expect(200);
    expect(body).toMatchObject({
      ...{ dry_run: true, purged: false, containers: 0, retention_policy: '30 days, the default' },
      blocked_by: [{ code: 'retention_not_over', detail: expect.stringContaining('kept until') }],
      rows: { deployments: 1, deployment_replicas: 2, reservations: 2, deployment_status_history: 1 },
    });
    const overridden = await root().delete(path(id, '?dry_run=true&override_retention=true')).expect(200);
    expect(overridden.body).toMatchObject({ purged: false, blocked_by: [] });
    expect(await rowsOf(t.dataSource, id)).toEqual(before);
    expect(await purgeAuditsOf(t.dataSource, id)).toEqual([]);
  });

  it('is stopped by a hold and by an open teardown, even when the retention is overridden', async () => {
    const held = await kept({ values: { legal_hold_reason: 'a case in court' } });
    expect((await root().delete(path(held, OVERRIDE)).expect(409)).body.code).toBe('legal_hold');
    const open = await kept();
    await aDeletion(t.dataSource, open, { generation: 2 });
    expect((await root().delete(path(open, OVERRIDE)).expect(409)).body.code).toBe('teardown_open');
    expect([await isThere(held), await isThere(open)]).toEqual([true, true]);
    await t.dataSource.query(`UPDATE deletions SET completed_at = now() WHERE deployment_id = $1`, [open]);
  });

  it('knows only deleted deployments: a live one is 409, another kind of thing and an unknown id are 404', async () => {
    const live = await deployed(t, 'ada');
    expect((await root().delete(path(live, OVERRIDE)).expect(409)).body.code).toBe('not_deleted');
    expect(await statusOf(t, 'ada', live)).toMatchObject({ status: 'running' });
    const ofAnotherKind = [UNKNOWN_ID, await aNode(t.dataSource, { cordoned: true }), await t.userId('ada')];
    for (const id of ofAnotherKind) expect((await root().delete(path(id, OVERRIDE)).expect(404)).body.code).toBe('not_found');
    expect((await root().delete(path('not-an-id')).expect(400)).body.code).toBe('invalid_deployment_id');
  });

  it('is for administrators only', async () => {
    const id = await kept({ dueSecondsAgo: 60, values: { legal_hold_reason: 'keeps the background away' } });
    expect((await t.as('ada').delete(path(id, '?dry_run=true')).expect(403)).body.code).toBe('admin_required');
    expect(await isThere(id)).toBe(true);
  });

  it('answers a repeated request with the first answer', async () => {
    const id = await kept();
    const first = await root().delete(path(id, OVERRIDE)).set('Idempotency-Key', 'purge-once').expect(200);
    const again = await root().delete(path(id, OVERRIDE)).set('Idempotency-Key', 'purge-once').expect(200);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.body).toEqual(first.body);
    expect(await purgeAuditsOf(t.dataSource, id)).toHaveLength(1);
  });

  it.each(['DELETE FROM placements', 'INSERT INTO audit_log', 'INSERT INTO events', 'DELETE FROM deployments', 'COMMIT'])(
    'leaves everything as it was when it fails at %s',
    async (at) => {
      const id = await kept();
      const purgeTime = (): Promise<unknown> => t.dataSource.query(`SELECT purge_at FROM deployments WHERE id = $1`, [id]);
      const before = [await rowsOf(t.dataSource, id), await purgeTime()];
      // The background has transactions of its own meanwhile.
      let purging: unknown = null;
      const { status } = await tap.while(
        ({ sql, runner }) => {
          if (sql.includes(`set_config('fog.operation', 'purge', true)`)) purging = runner;
          if (purging === runner && sql.includes(at)) {
            purging = null;
            throw new Error('the database refuses');
          }
          return undefined;
        },
        () => root().delete(path(id, OVERRIDE)),
      );
      expect(status).toBeGreaterThanOrEqual(500);
      expect([await rowsOf(t.dataSource, id), await purgeTime()]).toEqual(before);
      expect(await purgeAuditsOf(t.dataSource, id)).toEqual([]);
    },
  );

  it('has one winner among several purges', async () => {
    const id = await kept();
    const answers = await Promise.all(Array.from({ length: 6 }, () => root().delete(path(id, OVERRIDE))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404, 404, 404]);
    expect(await purgeAuditsOf(t.dataSource, id)).toHaveLength(1);
  });

  it('lets either a restore or a purge win, never both', async () => {
    for (let round = 0; round < 8; round++) {
      const id = await deployed(t, 'ada');
      await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
      const restore = async (): Promise<number> => (await t.as('ada').post(`/api/deployment/${id}/restore`).send({})).status;
      const purge = async (): Promise<number> => (await root().delete(path(id, OVERRIDE))).status;
      const started = round % 2 === 0 ? { restored: restore(), purged: purge() } : { purged: purge(), restored: restore() };
      const [restored, purged] = [await started.restored, await started.purged];
      // The later one finds nothing to restore, or a live deployment.
      expect([
        [202, 409],
        [404, 200],
      ]).toContainEqual([restored, purged]);
      expect(await isThere(id)).toBe(restored === 202);
    }
  });

  it('never removes what a force release is about to settle: it waits for it or refuses', async () => {
    for (let round = 0; round < 6; round++) {
      const id = await kept({ dueSecondsAgo: -60 });
      const silent = await aNode(t.dataSource, { cordoned: true, last_heartbeat: new Date(0) });
      await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: silent, status: 'stopping' });
      const release = root().post(`/api/deployment/${id}/force-release`).send({ reason: 'the machine has burnt' });
      const [released, purged] = await Promise.all([release, root().delete(path(id, OVERRIDE))]);
      expect(released.status).toBe(200);
      expect([200, 409]).toContain(purged.status);
      if (purged.status === 409) {
        expect(purged.body.code).toBe('teardown_open');
        await root().delete(path(id, OVERRIDE)).expect(200);
      }
      await expectNothingLeft(t.dataSource, id);
      const [node] = await t.dataSource.query<{ reserved: string }[]>(`SELECT reserved_cpu_cores AS reserved FROM nodes WHERE id = $1`, [
        silent,
      ]);
      expect(Number(node?.reserved)).toBe(0);
    }
  });

  it('knows a container of a purged deployment that turns up late, and removes it', async () => {
    const id = await deployed(t, 'ada');
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await root().delete(path(id, OVERRIDE)).expect(200);
    // As when a node comes back after its replicas were force-released.
    const [, revived] = await t.dataSource.query<[unknown, number]>(
      `UPDATE simulated_workloads SET gone_at = NULL WHERE deployment_id = $1`,
      [id],
    );
    expect(revived).toBe(1);
    await until(
      async () => {
        const [row] = await t.dataSource.query<{ gone: boolean }[]>(
          `SELECT gone_at IS NOT NULL AS gone FROM simulated_workloads WHERE deployment_id = $1`,
          [id],
        );
        return row?.gone ?? true;
      },
      { what: 'the late container to be removed' },
    );
  });

  it('happens by itself when the time has come', async () => {
    const id = await deployed(t, 'ada');
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await letRetentionPass(t.dataSource, id);
    await t.dataSource.query(`UPDATE jobs SET due_at = now() WHERE kind = 'retention.purge'`);
    await until(async () => !(await isThere(id)), { what: `${id} to be purged` });
    expect(await purgeAuditsOf(t.dataSource, id)).toMatchObject([{ via: 'system' }]);
    await t.as('ada').get(`/api/deployment/status/${id}?include_deleted=true`).expect(404);
  });
});
