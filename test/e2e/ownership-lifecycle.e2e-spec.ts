import { deployed, settles, recordRows, UNKNOWN_ID } from '../support/deployments';
import { insertRow } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

type Verb = 'get' | 'post' | 'patch' | 'delete';
type Kind = 'operation' | 'webhook' | 'email' | 'delivery';

/** Routes with the id of something that belongs to a user, and who besides the owner may use it. */
const ROUTES: readonly (readonly [verb: Verb, path: (id: string) => string, kind: Kind, body?: object])[] = [
  ['get', (id) => `/api/operations/${id}`, 'operation'],
  ['post', (id) => `/api/operations/${id}/cancel`, 'operation'],
  ['get', (id) => `/api/notifications/webhooks/${id}`, 'webhook'],
  ['patch', (id) => `/api/notifications/webhooks/${id}`, 'webhook', { enabled: true }],
  ['delete', (id) => `/api/notifications/webhooks/${id}`, 'webhook'],
  ['post', (id) => `/api/notifications/webhooks/${id}/rotate-secret`, 'webhook'],
  ['post', (id) => `/api/notifications/webhooks/${id}/test`, 'webhook'],
  ['get', (id) => `/api/notifications/webhooks/${id}/deliveries`, 'webhook'],
  ['get', (id) => `/api/notifications/emails/${id}`, 'email'],
  ['patch', (id) => `/api/notifications/emails/${id}`, 'email', { enabled: true }],
  ['delete', (id) => `/api/notifications/emails/${id}`, 'email'],
  ['post', (id) => `/api/notifications/emails/${id}/test`, 'email'],
  ['get', (id) => `/api/notifications/emails/${id}/deliveries`, 'email'],
  ['post', (id) => `/api/notifications/deliveries/${id}/redeliver`, 'delivery'],
];

describe('ownership of what comes after a deployment', () => {
  let t: TestApp;
  let live: string;
  let gone: string;
  let owned: Record<Kind, string>;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', BULK_DELETE_MAX_SHARE_PERCENT: '100' } });
    await Promise.all([t.token('root', { admin: true }), t.token('eve')]);
    [live, gone] = [await deployed(t, 'ada'), await deployed(t, 'ada')];
    await settles(t, 'ada', live);
    await t.as('ada').delete(`/api/deployment/${gone}?wait=60`).expect(200);
    await settles(t, 'ada', gone);
    const user_id = await t.userId('ada');
    const of = { user_id, enabled: false };
    const webhook = await insertRow(t.dataSource, 'subscriptions', {
      ...of,
      kind: 'webhook',
      url: 'https://x.example/',
      secret_sealed: '\\x00',
    });
    const event = await insertRow(t.dataSource, 'events', { type: 'fog.notification.test', user_id, data: {} });
    const delivery = { subscription_id: webhook, event, position: event, state: 'delivered', next_attempt_at: null };
    const operation = { kind: 'bulk_delete', status: 'waiting_for_confirmation', user_id, options: {}, origin: {} };
    owned = {
      webhook,
      operation: await insertRow(t.dataSource, 'operations', operation),
      email: await insertRow(t.dataSource, 'subscriptions', { ...of, kind: 'email' }),
      delivery: await insertRow(t.dataSource, 'deliveries', { ...delivery, give_up_at: new Date(), finished_at: new Date() }),
    };
  });
  afterAll(() => t?.close());

  const ask = (user: string, verb: Verb, path: string, body?: object) => {
    const sent = t.as(user)[verb](path).set('X-Request-Id', 'ownership');
    return body === undefined ? sent : sent.send(body);
  };
  const everything = async (): Promise<unknown> => [
    await recordRows(t.dataSource),
    await t.dataSource.query(`SELECT * FROM subscriptions ORDER BY id`),
    await t.dataSource.query(`SELECT * FROM deliveries ORDER BY id`),
    await t.dataSource.query(`SELECT * FROM operations ORDER BY id`),
  ];

  it.each(ROUTES.map(([verb, path, kind, body]) => [verb, path('{id}'), path, kind, body] as const))(
    '%s %s: a stranger gets the same 404, to the byte, for what is missing and what is not his, and changes nothing',
    async (verb, _shown, path, kind, body) => {
      const before = await everything();
      const others = kind === 'operation' ? ['eve'] : ['eve', 'root'];
      for (const user of others) {
        const [missing, foreign] = [await ask(user, verb, path(UNKNOWN_ID), body), await ask(user, verb, path(owned[kind]), body)];
        expect([user, missing.status, foreign.status]).toEqual([user, 404, 404]);
        expect(foreign.text.replaceAll(owned[kind], '{id}')).toBe(missing.text.replaceAll(UNKNOWN_ID, '{id}'));
        expect({ ...foreign.headers, date: '' }).toEqual({ ...missing.headers, date: '' });
      }
      await ask('eve', verb, path(owned[kind].toUpperCase()), body).expect(404);
      expect(await everything()).toEqual(before);
    },
  );

  it('lists of operations, webhooks, e-mails and events hold only what is one’s own', async () => {
    for (const path of ['/api/operations', '/api/notifications/webhooks', '/api/notifications/emails'])
      expect([path, (await ask('eve', 'get', path).expect(200)).body]).toEqual([path, []]);
    await until(async () => ((await ask('ada', 'get', '/api/events').expect(200)).body as { events: unknown[] }).events.length > 0);
    for (const id of [live, gone, UNKNOWN_ID])
      expect((await ask('eve', 'get', `/api/events?deployment_id=${id}`).expect(200)).body).toMatchObject({ events: [] });
    for (const path of ['/api/events?all_users=true', '/api/operations?all_users=true'])
      expect([path, (await ask('eve', 'get', path)).body.code]).toEqual([path, 'admin_required']);
  });

  it('bulk deletes and restores tell a stranger the same of what is missing and what is not his, and do nothing to either', async () => {
    const rows = async (): Promise<unknown> =>
      t.dataSource.query(`SELECT id, status, version FROM deployments WHERE id = ANY($1) ORDER BY id`, [[live, gone]]);
    const before = await rows();
    for (const verb of ['bulk-delete', 'bulk-restore']) {
      const { body } = await ask('eve', 'post', `/api/deployment/${verb}`, { ids: [live, gone, UNKNOWN_ID] }).expect(200);
      const items = (body as { items: { code: string; detail: string }[] }).items.map((item) => ({
        ...item,
        deployment_id: '{id}',
        detail: item.detail.replace(/[0-9a-f-]{36}/, '{id}'),
      }));
      expect(items.map(({ code }) => code)).toEqual(['not_found', 'not_found', 'not_found']);
      expect(new Set(items.map((item) => JSON.stringify(item))).size).toBe(1);
    }
    const { body: preview } = await ask('eve', 'post', '/api/deployment/bulk-delete', { ids: [live, UNKNOWN_ID], dry_run: true }).expect(
      200,
    );
    expect(
      new Set((preview as { items: object[] }).items.map((item) => JSON.stringify({ ...item, deployment_id: '', detail: '' }))).size,
    ).toBe(1);
    for (const filter of [{ name: 'app', all_users: true }, { user_id: await t.userId('ada') }, { name: 'a', user_id: UNKNOWN_ID }])
      expect((await ask('eve', 'post', '/api/deployment/bulk-delete', { filter })).body.code).toBe('admin_required');
    const { body: found } = await ask('eve', 'post', '/api/deployment/bulk-delete', { filter: { name: 'app' } }).expect(200);
    expect(found).toMatchObject({ total: 0 });
    expect((await ask('eve', 'post', '/api/deployment/bulk-restore', { operation_id: owned.operation })).status).toBe(404);
    expect(await rows()).toEqual(before);
  });

  it('what only administrators may do is refused to the owner and to strangers alike, whatever the id', async () => {
    const before = await everything();
    for (const user of ['ada', 'eve']) {
      for (const id of [live, gone, UNKNOWN_ID]) {
        const answers = await Promise.all([
          t.as(user).put(`/api/deployment/${id}/legal-hold`).send({ reason: 'mine' }),
          t.as(user).delete(`/api/deployment/${id}/legal-hold`),
          t.as(user).post(`/api/deployment/${id}/force-release`).send({ reason: 'mine' }),
          t.as(user).delete(`/api/admin/deployment/${id}?override_retention=true&reason=mine`),
          t.as(user).post(`/api/operations/${owned.operation}/confirm`),
        ]);
        expect(answers.map(({ status, body }) => `${String(status)} ${String(body.code)}`)).toEqual(
          answers.map(() => '403 admin_required'),
        );
      }
    }
    expect(await everything()).toEqual(before);
  });
});
