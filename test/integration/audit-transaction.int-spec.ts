import type { Response } from 'supertest';
import { aUser, logIn, PASSWORD } from '../support/auth-users';
import { aSpec, finishTeardowns, freshName, tableRows } from '../support/deployments';
import { aDeletedDeployment } from '../support/purge';
import { aDeployment, aNode, aPlacedReplica, insertRow } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

interface Change {
  readonly status: number;
  /** The table into which the request writes; null: it only removes. */
  readonly table: string | null;
  readonly action: string;
  /** Prepares the request; gives it with the id of its row, if that exists already. */
  readonly ready: () => Promise<{ send: () => PromiseLike<Response>; id?: string }>;
}

describe('a change and its row in the audit log', () => {
  let t: TestApp;
  let node: string;
  beforeAll(async () => {
    // Without a worker, so that only the request's own transaction writes.
    t = await startTestApp({ env: { ROLE: 'api' } });
    node = await aNode(t.dataSource, { cpu_cores: 1000, memory_mb: 1_000_000, last_heartbeat: new Date(Date.now() + 3_600_000) });
    await t.token('root', { admin: true });
    await t.token('ada');
  });
  afterAll(async () => {
    if (t) await finishTeardowns(t.dataSource);
    await t?.close();
  });

  const ada = () => t.as('ada');
  const root = () => t.as('root', { admin: true });
  const aRunning = async (over: Record<string, unknown> = {}): Promise<string> => {
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), ...over });
    if (over.status === undefined) await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: node });
    return id;
  };
  const ofDeployment = (action: string, status: number, request: (id: string) => PromiseLike<Response>, over = {}): Change => ({
    status,
    table: 'deployments',
    action,
    ready: async () => {
      const id = await aRunning(over);
      return { send: () => request(id), id };
    },
  });
  const aNodeBody = () => ({ name: freshName(), region: 'eu-west', runtime: 'simulated', cpu_cores: 1, memory_mb: 512, storage_gb: 1 });

  const ofDeleted = (action: string, status: number, request: (id: string) => PromiseLike<Response>, table = 'deployments'): Change => ({
    status,
    table,
    action,
    ready: async () => {
      const id = await aDeletedDeployment(t.dataSource, await t.userId('ada'), { dueSecondsAgo: -86_400 });
      return { send: () => request(id), id };
    },
  });
  const ofRow = (
    kind: 'subscriptions' | 'operations' | 'retention_policies',
    { action, status, table = kind }: { action: string; status: number; table?: string | null },
    request: (id: string) => PromiseLike<Response>,
  ): Change => ({
    status,
    table,
    action,
    ready: async () => {
      const user_id = await t.userId('ada');
      const rows = {
        subscriptions: { user_id, kind: 'webhook', url: 'https://93.184.215.14/', secret_sealed: '\\x00', enabled: false },
        operations: { user_id, kind: 'bulk_delete', status: 'waiting_for_confirmation', options: {}, origin: {} },
        retention_policies: { selector: 'label', value: `app=${freshName()}`, days: 9, changed_by: user_id },
      };
      const id = await insertRow(t.dataSource, kind, rows[kind]);
      return { send: () => request(id), id };
    },
  });
  const WEBHOOK = '/api/notifications/webhooks';
  const POLICY = '/api/admin/retention-policies';

  const CHANGES: Record<string, Change> = {
    deploy: {
      status: 202,
      table: 'deployments',
      action: 'deployment.deploy',
      ready: async () => ({ send: () => ada().post('/api/deployment/deploy').send(aSpec()) }),
    },
    'scale up': ofDeployment('deployment.scale', 200, (id) => ada().post(`/api/deployment/scale/${id}`).send({ replicas: 3 })),
    stop: ofDeployment('deployment.stop', 202, (id) => ada().post(`/api/deployment/${id}/stop`)),
    start: ofDeployment('deployment.start', 202, (id) => ada().post(`/api/deployment/${id}/start`), { status: 'stopped' }),
    retry: ofDeployment('deployment.retry', 202, (id) => ada().post(`/api/deployment/${id}/retry`), { status: 'failed' }),
    delete: ofDeployment('deployment.delete', 202, (id) => ada().delete(`/api/deployment/${id}?wait=0`)),
    restore: ofDeleted('deployment.restore', 202, (id) => ada().post(`/api/deployment/${id}/restore`)),
    purge: ofDeleted(
      'deployment.purge',
      200,
      (id) => root().delete(`/api/admin/deployment/${id}?override_retention=true&reason=x`),
      'purged_deployments',
    ),
    hold: ofDeleted('deployment.hold', 200, (id) => root().put(`/api/deployment/${id}/legal-hold`).send({ reason: 'a case' })),
    'end a hold': ofDeployment('deployment.unhold', 200, (id) => root().delete(`/api/deployment/${id}/legal-hold`), {
      ...{ legal_hold_reason: 'a case', status: 'stopped' },
    }),
    protect: ofDeployment('deployment.protect', 200, (id) => ada().put(`/api/deployment/${id}/protection`).send({ reason: 'mine' })),
    unprotect: ofDeployment('deployment.unprotect', 200, (id) => ada().delete(`/api/deployment/${id}/protection`), {
      ...{ protection_reason: 'mine', status: 'stopped' },
    }),
    'give up a replica': {
      status: 200,
      table: 'deployment_replicas',
      action: 'deployment.force_release',
      ready: async () => {
        const id = await aRunning({ status: 'stopped' });
        const silent = await aNode(t.dataSource, { cordoned: true, last_heartbeat: new Date(0) });
        await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: silent, status: 'stopping' });
        return { send: () => root().post(`/api/deployment/${id}/force-release`).send({ reason: 'burnt' }), id };
      },
    },
    'bulk delete': {
      ...ofDeployment('deployment.bulk_delete', 202, (id) =>
        ada()
          .post('/api/deployment/bulk-delete')
          .send({ ids: [id], wait: 0 }),
      ),
      table: 'operations',
    },
    'bulk restore': {
      ...ofDeleted('deployment.bulk_restore', 202, (id) =>
        ada()
          .post('/api/deployment/bulk-restore')
          .send({ ids: [id], wait: 0 }),
      ),
      table: 'operations',
    },
    'confirm an operation': ofRow('operations', { action: 'operation.confirm', status: 200 }, (id) =>
      root().post(`/api/operations/${id}/confirm`),
    ),
    'cancel an operation': ofRow('operations', { action: 'operation.cancel', status: 200 }, (id) =>
      ada().post(`/api/operations/${id}/cancel`),
    ),
    'make a webhook': {
      status: 201,
      table: 'subscriptions',
      action: 'webhook.create',
      ready: async () => ({ send: () => ada().post(WEBHOOK).send({ url: 'https://93.184.215.14/', enabled: false }) }),
    },
    'change a webhook': ofRow('subscriptions', { action: 'webhook.change', status: 200 }, (id) =>
      ada().patch(`${WEBHOOK}/${id}`).send({ description: 'x' }),
    ),
    'rotate a secret': ofRow('subscriptions', { action: 'webhook.rotate_secret', status: 200 }, (id) =>
      ada().post(`${WEBHOOK}/${id}/rotate-secret`),
    ),
    'remove a webhook': ofRow('subscriptions', { action: 'webhook.remove', status: 204, table: null }, (id) =>
      ada().delete(`${WEBHOOK}/${id}`),
    ),
    'make a retention policy': {
      status: 201,
      table: 'retention_policies',
      action: 'retention.change',
      ready: async () => {
        const body = { selector: 'label', value: `app=${freshName()}`, days: 7 };
        return { send: () => root().post(POLICY).send(body) };
      },
    },
    'change a retention policy': ofRow('retention_policies', { action: 'retention.change', status: 200 }, (id) =>
      root().patch(`${POLICY}/${id}`).send({ days: 8 }),
    ),
    'remove a retention policy': ofRow('retention_policies', { action: 'retention.change', status: 200, table: null }, (id) =>
      root().delete(`${POLICY}/${id}`),
    ),
    'register a node': {
      status: 201,
      table: 'nodes',
      action: 'node.register',
      ready: async () => ({ send: () => root().post('/api/nodes').send(aNodeBody()) }),
    },
    'change a node': {
      status: 200,
      table: 'nodes',
      action: 'node.change',
      ready: async () => {
        const id = await aNode(t.dataSource);
        return { send: () => root().patch(`/api/nodes/${id}`).send({ cordoned: true }), id };
      },
    },
    'remove a node': {
      status: 200,
      table: 'nodes',
      action: 'node.remove',
      ready: async () => {
        const id = await aNode(t.dataSource);
        return { send: () => root().delete(`/api/nodes/${id}`), id };
      },
    },
    register: {
      status: 201,
      table: 'users',
      action: 'user.register',
      ready: async () => {
        const username = freshName();
        return { send: () => t.http.post('/api/auth/register').send({ username, email: `${username}@example.org`, password: PASSWORD }) };
      },
    },
    'switch a user off': {
      status: 200,
      table: 'users',
      action: 'user.deactivate',
      ready: async () => {
        const id = await t.userId(freshName());
        return { send: () => root().patch(`/api/auth/users/${id}`).send({ is_active: false }), id };
      },
    },
    'log in': {
      status: 200,
      table: 'sessions',
      action: 'user.login',
      ready: async () => {
        const { username } = await aUser(t, freshName());
        return { send: () => t.http.post('/api/auth/login').send({ username, password: PASSWORD }) };
      },
    },
    refresh: {
      status: 200,
      table: 'sessions',
      action: 'user.refresh',
      ready: async () => {
        const { username } = await aUser(t, freshName());
        const { refreshToken } = await logIn(t, username);
        return { send: () => t.http.post('/api/auth/refresh').send({ refresh_token: refreshToken }) };
      },
    },
    'log out': {
      status: 204,
      table: 'sessions',
      action: 'user.logout',
      ready: async () => {
        const { accessToken } = await aUser(t, freshName());
        return { send: () => t.http.post('/api/auth/logout').set('Authorization', `Bearer ${accessToken}`) };
      },
    },
    'make a token': {
      status: 201,
      table: 'api_tokens',
      action: 'token.create',
      ready: async () => ({ send: () => ada().post('/api/auth/tokens').send({ name: 'ci' }) }),
    },
    'revoke a token': {
      status: 204,
      table: 'api_tokens',
      action: 'token.revoke',
      ready: async () => {
        const id = (await ada().post('/api/auth/tokens').send({ name: 'ci' }).expect(201)).body.id as string;
        return { send: () => ada().delete(`/api/auth/tokens/${id}`), id };
      },
    },
  };

  /** Everything that the requests could change, and the audit log. */
  const everything = async (): Promise<unknown> => {
    const rows = await tableRows(t.dataSource);
    const others = ['subscriptions', 'operations', 'operation_items', 'retention_policies', 'events', 'purged_deployments'];
    for (const table of ['users', 'sessions', 'refresh_tokens', 'api_tokens', 'audit_log', 'audit_pending', 'nodes', ...others])
      rows[table] = await t.dataSource.query(`SELECT * FROM ${table} ORDER BY 1`);
    return rows;
  };

  describe.each(Object.entries(CHANGES))('%s', (_name, { status, table, action, ready }) => {
    it('are of the same transaction', async () => {
      const { send } = await ready();
      const [{ last }] = await t.dataSource.query<[{ last: string }]>(`SELECT coalesce(max(id), 0) AS last FROM audit_log`);
      expect((await send()).status).toBe(status);
      const rows = await t.dataSource.query<{ action: string; changed: number }[]>(
        `SELECT action, (SELECT count(*)::int FROM ${table ?? 'audit_pending'} AS c WHERE c.xmin = a.xmin) AS changed FROM audit_log AS a WHERE id > $1`,
        [last],
      );
      expect(rows).toEqual([{ action, changed: expect.any(Number) }]);
      expect(rows[0]?.changed).toBeGreaterThan(0);
    });

    it('are both absent when the row cannot be written: 503, and the same request succeeds later', async () => {
      const { send } = await ready();
      await t.dataSource.query(`
        CREATE FUNCTION fail_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room for CANARY'; END $$`);
      await t.dataSource.query(`CREATE TRIGGER tr_test_fail BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION fail_audit()`);
      try {
        const before = await everything();
        const answer = await send();
        expect([answer.status, answer.body.code, Number(answer.headers['retry-after'])]).toEqual([503, 'try_again', expect.any(Number)]);
        expect(answer.text).not.toContain('CANARY');
        expect(await everything()).toEqual(before);
      } finally {
        await t.dataSource.query(`DROP FUNCTION fail_audit() CASCADE`);
      }
      expect((await send()).status).toBe(status);
    });
  });
});
