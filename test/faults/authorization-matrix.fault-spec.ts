import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AUDITED_ROUTES } from '../../src/audit/audited-routes';
import { aUser, logIn } from '../support/auth-users';
import { aSpec, deploy, deployed, freshName, reaches, UNKNOWN_ID } from '../support/deployments';
import { readOpenApi, send, type Operation, type WireAnswer } from '../support/openapi-client';
import { parse } from '../support/openapi-client-checks';
import { bearerOf, inactiveToken, newSession, tokenWith } from '../support/openapi-client-identities';
import { aDeletedDeployment } from '../support/purge';
import { insertRow } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

const IDENTITIES = [
  'owner',
  'other',
  'none',
  'expired',
  'audience',
  'inactive',
  'readOnly',
  'administrator',
  'readOnlyAdministrator',
] as const;
type Identity = (typeof IDENTITIES)[number];
/** A status, with the code where the answer is a problem: `404 not_found`. */
type Expected = Readonly<Record<Identity, string>>;

/** Callers without a valid credential. */
const NAMELESS: readonly Identity[] = ['none', 'expired', 'audience'];
const ACTORS: Readonly<Partial<Record<Identity, string>>> = {
  owner: 'owner',
  other: 'other',
  readOnly: 'owner',
  inactive: 'inactive',
  administrator: 'root',
  readOnlyAdministrator: 'root',
};
/** Routes where the body says who the caller is. */
const OPEN_ROUTES = ['POST /api/auth/register', 'POST /api/auth/login', 'POST /api/auth/refresh'];

const NOBODY = {
  none: '401 unauthenticated',
  expired: '401 unauthenticated',
  audience: '401 unauthenticated',
  inactive: '403 inactive_user',
};
const READ_ONLY = '403 read_only_token';

const all = (answer: string): Expected => Object.fromEntries(IDENTITIES.map((identity) => [identity, answer])) as Expected;
/** For all callers with a valid credential. `write`: read-only tokens are refused. */
const signedIn = (ok: string, { write }: { write: boolean }): Expected => ({
  ...all(ok),
  ...NOBODY,
  ...(write ? { readOnly: READ_ONLY, readOnlyAdministrator: READ_ONLY } : {}),
});
const owned = (ok: string, { write }: { write: boolean }): Expected => ({ ...signedIn(ok, { write }), other: '404 not_found' });
const adminOnly = (ok: string, { write }: { write: boolean }): Expected => ({
  ...signedIn(ok, { write }),
  owner: '403 admin_required',
  other: '403 admin_required',
  ...(write ? {} : { readOnly: '403 admin_required' }),
});

interface Row {
  readonly expected: Expected;
  /** Makes what goes in the place of `{id}`, and what is sent. Each allowed call gets a new one, because it may use it up. */
  readonly prepare?: (world: World, identity: Identity) => Promise<{ id?: string; body?: object }>;
}

interface World {
  readonly t: TestApp;
  readonly victim: string;
  readonly isAllowed: boolean;
}

const READ = { write: false };
const WRITE = { write: true };
const theVictim: Row['prepare'] = ({ victim }) => Promise.resolve({ id: victim });
const aFreshOne = ({ t, victim, isAllowed }: World): Promise<string> => (isAllowed ? deployed(t, 'owner') : Promise.resolve(victim));
/** A deployment with a safeguard that can be lifted. */
const aGuardedOne = async (world: World, user: string, safeguard: 'protection' | 'legal-hold'): Promise<string> => {
  const id = await aFreshOne(world);
  if (world.isAllowed) await world.t.as(user).put(`/api/deployment/${id}/${safeguard}`).send({ reason: 'for a test' }).expect(200);
  return id;
};
const aNode = (): object => ({ name: freshName(), region: 'eu-west', runtime: 'simulated', cpu_cores: 1, memory_mb: 512, storage_gb: 1 });
const aWebhook = async ({ t }: World): Promise<string> =>
  insertRow(t.dataSource, 'subscriptions', {
    user_id: await t.userId('owner'),
    kind: 'webhook',
    url: 'https://hooks.example.org/',
    secret_sealed: '\\x00',
  });
/** An e-mail subscription with a confirmed address. */
const anEmail = async ({ t }: World, enabled = false): Promise<string> => {
  const owner = await t.userId('owner');
  await t.dataSource.query(
    `INSERT INTO confirmed_addresses (user_id, email) SELECT id, email FROM users WHERE id = $1 ON CONFLICT DO NOTHING`,
    [owner],
  );
  return insertRow(t.dataSource, 'subscriptions', { user_id: owner, kind: 'email', enabled });
};
const aDelivery = async (world: World): Promise<string> => {
  const { t } = world;
  const event = await insertRow(t.dataSource, 'events', { type: 'fog.notification.test', user_id: await t.userId('owner'), data: {} });
  const row = { subscription_id: await aWebhook(world), event, position: event, state: 'delivered', next_attempt_at: null };
  return insertRow(t.dataSource, 'deliveries', { ...row, give_up_at: new Date(), finished_at: new Date() });
};
/** Subscriptions are personal: not even an administrator may use those of others. */
const personal = (ok: string, access: { write: boolean }): Expected => ({
  ...owned(ok, access),
  administrator: '404 not_found',
  ...(access.write ? {} : { readOnlyAdministrator: '404 not_found' }),
});
const nodeId = async ({ t }: World): Promise<string> =>
  (await t.as('root', { admin: true }).post('/api/nodes').send(aNode()).expect(201)).body.id as string;

const policyId = async ({ t }: World): Promise<string> => {
  const body = { selector: 'label', value: `app=${freshName()}`, days: 7 };
  return (await t.as('root', { admin: true }).post('/api/admin/retention-policies').send(body).expect(201)).body.id as string;
};

/** An operation of the owner, without any deployments. */
const anOperation = async ({ t }: World, status: string): Promise<string> => {
  const [row] = await t.dataSource.query<[{ id: string }]>(
    `INSERT INTO operations (kind, status, user_id, options, origin) VALUES ('bulk_delete', $1, $2, '{}', '{}') RETURNING id`,
    [status, await t.userId('owner')],
  );
  return row.id;
};

const MATRIX: Readonly<Record<string, Row>> = {
  'GET /health/live': { expected: all('200') },
  'GET /health/ready': { expected: all('200') },
  'GET /metrics': { expected: adminOnly('200', READ) },
  'POST /api/auth/register': {
    expected: all('201'),
    prepare: () => {
      const username = freshName();
      return Promise.resolve({ body: { username, email: `${username}@example.org`, password: 'Correct-Horse-7' } });
    },
  },
  'POST /api/auth/login': {
    expected: all('200'),
    prepare: () => Promise.resolve({ body: { username: 'login', password: 'Correct-Horse-7' } }),
  },
  'POST /api/auth/refresh': {
    expected: all('200'),
    prepare: async ({ t }) => ({ body: { refresh_token: (await logIn(t, 'login')).refreshToken } }),
  },
  'POST /api/auth/logout': { expected: { ...signedIn('204', WRITE) } },
  'GET /api/auth/me': { expected: signedIn('200', READ) },
  'PATCH /api/auth/me': {
    expected: signedIn('200', WRITE),
    prepare: () => Promise.resolve({ body: { email: `${freshName()}@example.org` } }),
  },
  'GET /api/auth/tokens': { expected: signedIn('200', READ) },
  'POST /api/auth/tokens': { expected: signedIn('201', WRITE), prepare: () => Promise.resolve({ body: { name: 'ci' } }) },
  'DELETE /api/auth/tokens/{id}': {
    // Tokens are personal: not even an administrator may revoke those of others.
    expected: { ...owned('204', WRITE), administrator: '404 not_found' },
    prepare: async ({ t }) => ({ id: (await t.as('owner').post('/api/auth/tokens').send({ name: 'ci' }).expect(201)).body.id as string }),
  },
  'PATCH /api/auth/users/{id}': {
    expected: adminOnly('200', WRITE),
    prepare: async ({ t }) => ({ id: await t.userId('bystander'), body: { is_active: true } }),
  },
  'GET /api/nodes': { expected: signedIn('200', READ) },
  'POST /api/nodes': { expected: adminOnly('201', WRITE), prepare: () => Promise.resolve({ body: aNode() }) },
  'GET /api/nodes/{id}': { expected: signedIn('200', READ), prepare: async (world) => ({ id: await nodeId(world) }) },
  'PATCH /api/nodes/{id}': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ id: await nodeId(world), body: { labels: { rack: '1' } } }),
  },
  'DELETE /api/nodes/{id}': { expected: adminOnly('200', WRITE), prepare: async (world) => ({ id: await nodeId(world) }) },
  'GET /api/admin/audit': { expected: adminOnly('200', READ) },
  'DELETE /api/admin/deployment/{id}': {
    expected: adminOnly('200', WRITE),
    prepare: async ({ t, victim, isAllowed }) => ({
      id: isAllowed ? await aDeletedDeployment(t.dataSource, await t.userId('owner')) : victim,
    }),
  },
  'GET /api/admin/retention-policies': { expected: adminOnly('200', READ) },
  'POST /api/admin/retention-policies': {
    expected: adminOnly('201', WRITE),
    prepare: () => Promise.resolve({ body: { selector: 'label', value: `app=${freshName()}`, days: 7 } }),
  },
  'PATCH /api/admin/retention-policies/{id}': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ id: await policyId(world), body: { days: 8 } }),
  },
  'DELETE /api/admin/retention-policies/{id}': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ id: await policyId(world) }),
  },
  'GET /api/events': { expected: signedIn('200', READ) },
  'GET /api/notifications/webhooks': { expected: signedIn('200', READ) },
  'POST /api/notifications/webhooks': {
    expected: signedIn('201', WRITE),
    prepare: async ({ t }) => {
      await t.dataSource.query(`DELETE FROM subscriptions`);
      return { body: { url: 'https://93.184.215.14/', enabled: false } };
    },
  },
  'GET /api/notifications/webhooks/{id}': { expected: personal('200', READ), prepare: async (world) => ({ id: await aWebhook(world) }) },
  'PATCH /api/notifications/webhooks/{id}': {
    expected: personal('200', WRITE),
    prepare: async (world) => ({ id: await aWebhook(world), body: { description: 'changed' } }),
  },
  'DELETE /api/notifications/webhooks/{id}': {
    expected: personal('204', WRITE),
    prepare: async (world) => ({ id: await aWebhook(world) }),
  },
  'POST /api/notifications/webhooks/{id}/rotate-secret': {
    expected: personal('200', WRITE),
    prepare: async (world) => ({ id: await aWebhook(world) }),
  },
  'POST /api/notifications/webhooks/{id}/test': {
    expected: personal('202', WRITE),
    prepare: async (world) => ({ id: await aWebhook(world) }),
  },
  'GET /api/notifications/webhooks/{id}/deliveries': {
    expected: personal('200', READ),
    prepare: async (world) => ({ id: await aWebhook(world) }),
  },
  'GET /api/notifications/emails': { expected: signedIn('200', READ) },
  'POST /api/notifications/emails': {
    expected: signedIn('201', WRITE),
    prepare: async ({ t }) => {
      await t.dataSource.query(`DELETE FROM subscriptions`);
      return { body: { enabled: false } };
    },
  },
  'GET /api/notifications/emails/{id}': { expected: personal('200', READ), prepare: async (world) => ({ id: await anEmail(world) }) },
  'PATCH /api/notifications/emails/{id}': {
    expected: personal('200', WRITE),
    prepare: async (world) => ({ id: await anEmail(world), body: { description: 'changed' } }),
  },
  'DELETE /api/notifications/emails/{id}': { expected: personal('204', WRITE), prepare: async (world) => ({ id: await anEmail(world) }) },
  'POST /api/notifications/emails/{id}/confirm': {
    expected: personal('200', WRITE),
    prepare: async (world) => ({ id: await anEmail(world), body: {} }),
  },
  'POST /api/notifications/emails/{id}/test': {
    expected: personal('202', WRITE),
    prepare: async (world) => ({ id: await anEmail(world, true) }),
  },
  'GET /api/notifications/emails/{id}/deliveries': {
    expected: personal('200', READ),
    prepare: async (world) => ({ id: await anEmail(world) }),
  },
  'POST /api/notifications/deliveries/{id}/redeliver': {
    expected: personal('202', WRITE),
    prepare: async (world) => ({ id: await aDelivery(world) }),
  },
  'GET /api/deployment/list': { expected: signedIn('200', READ) },
  'POST /api/deployment/deploy': { expected: signedIn('202', WRITE), prepare: () => Promise.resolve({ body: aSpec() }) },
  'GET /api/deployment/status/{deployment_id}': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}/history': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}/logs': { expected: owned('200', READ), prepare: theVictim },
  'POST /api/deployment/scale/{deployment_id}': {
    expected: owned('200', WRITE),
    prepare: async (world) => ({ id: await aFreshOne(world), body: { replicas: 2 } }),
  },
  'POST /api/deployment/{deployment_id}/stop': {
    expected: owned('202', WRITE),
    prepare: async (world) => ({ id: await aFreshOne(world) }),
  },
  'POST /api/deployment/{deployment_id}/start': {
    expected: owned('202', WRITE),
    prepare: async (world) => {
      const id = await aFreshOne(world);
      if (world.isAllowed) {
        await world.t.as('owner').post(`/api/deployment/${id}/stop`).expect(202);
        await reaches(world.t, 'owner', id, 'stopped');
      }
      return { id };
    },
  },
  'POST /api/deployment/{deployment_id}/retry': {
    expected: owned('202', WRITE),
    prepare: async ({ t, victim, isAllowed }) => {
      if (!isAllowed) return { id: victim };
      const id = await deploy(t, 'owner', { resources: { cpu: 32, memory: 65_536 } });
      await reaches(t, 'owner', id, 'failed');
      return { id };
    },
  },
  'GET /api/deployment/{deployment_id}/deletion': {
    expected: owned('200', READ),
    prepare: async ({ t }) => ({ id: await aDeletedDeployment(t.dataSource, await t.userId('owner'), { dueSecondsAgo: -86_400 }) }),
  },
  'PUT /api/deployment/{deployment_id}/protection': {
    expected: owned('200', WRITE),
    prepare: async (world) => ({ id: await aFreshOne(world), body: { reason: 'production' } }),
  },
  'DELETE /api/deployment/{deployment_id}/protection': {
    expected: owned('200', WRITE),
    prepare: async (world) => ({ id: await aGuardedOne(world, 'owner', 'protection') }),
  },
  'PUT /api/deployment/{deployment_id}/legal-hold': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ id: await aFreshOne(world), body: { reason: 'case 12' } }),
  },
  'DELETE /api/deployment/{deployment_id}/legal-hold': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ id: await aGuardedOne(world, 'root', 'legal-hold') }),
  },
  'POST /api/deployment/{deployment_id}/force-release': {
    // No node that does not answer holds anything of it; only callers who may ask learn that.
    expected: { ...adminOnly('409 conflict', WRITE) },
    prepare: ({ victim }) => Promise.resolve({ id: victim, body: { reason: 'gone' } }),
  },
  'POST /api/deployment/{deployment_id}/restore': {
    expected: owned('202', WRITE),
    prepare: async (world) => {
      const id = await aFreshOne(world);
      if (world.isAllowed) await world.t.as('owner').delete(`/api/deployment/${id}`).expect(200);
      return { id };
    },
  },
  // Each of the named deployments has its own result: that of another user is `not_found`.
  'POST /api/deployment/bulk-delete': {
    expected: signedIn('200', WRITE),
    prepare: () => Promise.resolve({ body: { ids: [UNKNOWN_ID] } }),
  },
  'POST /api/deployment/bulk-restore': {
    expected: signedIn('200', WRITE),
    prepare: () => Promise.resolve({ body: { ids: [UNKNOWN_ID] } }),
  },
  'GET /api/operations': { expected: signedIn('200', READ) },
  'GET /api/operations/{id}': { expected: owned('200', READ), prepare: async (world) => ({ id: await anOperation(world, 'running') }) },
  'POST /api/operations/{id}/confirm': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ id: await anOperation(world, 'waiting_for_confirmation') }),
  },
  'POST /api/operations/{id}/cancel': {
    expected: owned('200', WRITE),
    prepare: async (world) => ({ id: await anOperation(world, 'waiting_for_confirmation') }),
  },
  'DELETE /api/deployment/{deployment_id}': { expected: owned('200', WRITE), prepare: async (world) => ({ id: await aFreshOne(world) }) },
};

/** The pages about the API, which are not part of it. */
const UNDOCUMENTED = /^\/(docs(\/|$)|openapi\.json$)/;

describe('the authorization matrix', () => {
  let t: TestApp;
  let victim: string;
  let operations: Operation[];
  let tokens: Record<Identity, () => Promise<string | null>>;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', SMTP_URL: 'smtp://127.0.0.1:9', SMTP_FROM: 'fog@test.invalid' } });
    ({ operations } = await readOpenApi(t.url));
    await Promise.all([t.userId('owner'), t.userId('other'), t.userId('bystander'), t.token('root', { admin: true }), aUser(t, 'login')]);
    const past = Math.floor(Date.now() / 1000) - 1;
    const kept = {
      expired: await tokenWith(t, 'owner', { exp: past }),
      audience: await tokenWith(t, 'owner', { aud: 'another-service' }),
      inactive: await inactiveToken(t, 'inactive'),
      readOnly: await t.token('owner', { readOnly: true }),
      readOnlyAdministrator: await t.token('root', { readOnly: true }),
    };
    tokens = {
      none: () => Promise.resolve(null),
      // New sessions each time, because one of the rows logs out.
      owner: () => newSession(t, 'owner'),
      other: () => newSession(t, 'other'),
      administrator: () => newSession(t, 'root'),
      expired: () => Promise.resolve(kept.expired),
      audience: () => Promise.resolve(kept.audience),
      inactive: () => Promise.resolve(kept.inactive),
      readOnly: () => Promise.resolve(kept.readOnly),
      readOnlyAdministrator: () => Promise.resolve(kept.readOnlyAdministrator),
    };
    victim = await deployed(t, 'owner', { name: 'victim', replicas: 2 });
  });
  afterAll(() => t?.close());

  it('has a row for every route of the document, and no row without a route', () => {
    expect(Object.keys(MATRIX).sort()).toEqual(operations.map(({ name }) => name).sort());
  });

  it('knows every route that the server answers: none is missing from the document', () => {
    const served = servedRoutes(t.app).filter((route) => !UNDOCUMENTED.test(route.split(' ')[1] ?? ''));
    const documented = operations.map(({ method, path }) => `${method} ${path.replaceAll(/\{[^}]+\}/g, ':x')}`);
    expect([...new Set(served)].sort()).toEqual(documented.sort());
  });

  it('has a name for every route that changes something, under which the audit log shows it', () => {
    expect(Object.keys(AUDITED_ROUTES).sort()).toEqual(operations.flatMap(({ name, method }) => (method === 'GET' ? [] : [name])).sort());
  });

  /** The audit log has what was done or refused, once, and neither what was read nor what callers without a credential tried. */
  const expectAudited = async (name: string, identity: Identity, expected: string, { headers }: WireAnswer): Promise<void> => {
    const rows = await t.dataSource.query<{ action: string; outcome: string; code: string | null; actor: string | null }[]>(
      `SELECT a.action, a.outcome, a.code, u.username AS actor FROM audit_log AS a LEFT JOIN users AS u ON u.id = a.actor_id WHERE a.request_id = $1`,
      [headers['x-request-id']],
    );
    const isDone = /^2/.test(expected);
    const action = AUDITED_ROUTES[name]?.action;
    if (action === undefined || (!isDone && NAMELESS.includes(identity))) {
      expect([name, identity, rows]).toEqual([name, identity, []]);
      return;
    }
    const code = isDone ? null : (expected.split(' ')[1] ?? '');
    const shown = rows.filter((row) => row.action === action).map(({ outcome, code: why }) => [outcome, why]);
    expect([name, identity, shown]).toEqual([name, identity, [[isDone ? 'done' : 'refused', code]]]);
    const who = ACTORS[identity];
    if (who !== undefined && !OPEN_ROUTES.includes(name)) expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set([who]));
  };

  it('has tokens that are wrong in one respect only', async () => {
    const answer = await send(t.url, { method: 'GET', path: '/api/auth/me', headers: bearerOf(await tokenWith(t, 'owner', {})) });
    expect(answer.status).toBe(200);
  });

  const call = async (name: string, row: Row, identity: Identity): Promise<WireAnswer> => {
    const [method = '', template = ''] = name.split(' ');
    const isAllowed = /^2/.test(row.expected[identity]);
    const { id, body } = (await row.prepare?.({ t, victim, isAllowed }, identity)) ?? {};
    const headers = { ...bearerOf(await tokens[identity]()), ...(body ? { 'Content-Type': 'application/json' } : {}) };
    const before = isAllowed ? null : await footprint(t);
    const path = template.replaceAll(/\{[^}]+\}/g, id ?? '');
    const answer = await send(t.url, { method, path, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    if (before) expect(await footprint(t)).toEqual(before);
    await expectAudited(name, identity, row.expected[identity], answer);
    return answer;
  };

  describe.each(Object.entries(MATRIX))('%s', (name, row) => {
    it.each(IDENTITIES.map((identity) => [identity, row.expected[identity]] as const))('%s gets %s', async (identity, expected) => {
      const { status, text } = await call(name, row, identity);
      const code = status >= 400 ? ` ${String((parse(text) as { code?: unknown }).code)}` : '';
      expect(`${String(status)}${code}`).toBe(expected);
    });
  });

  /** The same address and request in other spellings. */
  const VARIANTS: Readonly<
    Record<string, (method: string, path: string) => { method: string; path: string; headers?: Record<string, string> }>
  > = {
    'a trailing slash': (method, path) => ({ method, path: `${path}/` }),
    'two slashes': (method, path) => ({ method, path: path.replace(/(?<=.)\//, '//') }),
    'two slashes in front': (method, path) => ({ method, path: `/${path}` }),
    'a dot segment': (method, path) => ({ method, path: `/.${path}` }),
    'an encoded dot segment': (method, path) => ({ method, path: `/%2e${path}` }),
    'a detour through a public path': (method, path) => ({ method, path: `/health/..${path}` }),
    'an encoded detour': (method, path) => ({ method, path: `/health/%2e%2e${path}` }),
    'upper case': (method, path) => ({ method, path: path.toUpperCase() }),
    'an encoded letter': (method, path) => ({ method, path: path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`) }),
    'an encoded slash': (method, path) => ({ method, path: path.replace(/(?<=.)\//, '%2f') }),
    'a path parameter': (method, path) => ({ method, path: `${path};x=1` }),
    'a NUL': (method, path) => ({ method, path: `${path}%00` }),
    'a backslash': (method, path) => ({ method, path: path.replace(/(?<=.)\//, '\\') }),
    'a fragment': (method, path) => ({ method, path: `${path}#/health/live` }),
    'an absolute address': (method, path) => ({ method, path: `http://127.0.0.1${path}` }),
    'a public address in the query': (method, path) => ({ method, path: `${path}?url=/health/live` }),
    HEAD: (_method, path) => ({ method: 'HEAD', path }),
    OPTIONS: (_method, path) => ({ method: 'OPTIONS', path }),
    TRACE: (_method, path) => ({ method: 'TRACE', path }),
    'another method in a header': (method, path) => ({
      method: 'POST',
      path,
      headers: { 'X-HTTP-Method-Override': method, 'X-HTTP-Method': method, 'X-Method-Override': method },
    }),
    'another address in a header': (method, path) => ({
      method,
      path,
      headers: { 'X-Original-URL': '/health/live', 'X-Rewrite-URL': '/health/live', 'X-Forwarded-Prefix': '/health' },
    }),
    'a word for a local proxy': (method, path) => ({
      method,
      path,
      headers: { 'X-Forwarded-For': '127.0.0.1', Forwarded: 'for=127.0.0.1' },
    }),
  };
  const CLOSED = Object.entries(MATRIX).filter(([, { expected }]) => expected.none.startsWith('401'));

  describe.each(Object.entries(VARIANTS))('with %s', (_name, spell) => {
    it('gives nobody more than the plain address does', async () => {
      const wrong: string[] = [];
      const before = await footprint(t);
      for (const [name, row] of CLOSED) {
        const [method = '', template = ''] = name.split(' ');
        const denied = IDENTITIES.filter((identity) => !/^2/.test(row.expected[identity]));
        const body = method === 'GET' || method === 'DELETE' ? undefined : '{}';
        const { headers, ...variant } = spell(method, template.replaceAll(/\{[^}]+\}/g, victim));
        await Promise.all(
          denied.map(async (identity) => {
            // Another method is another route: a caller who may not write there may be allowed to read.
            const sameRoute = MATRIX[`${variant.method === 'HEAD' ? 'GET' : variant.method} ${template}`] ?? row;
            if (/^2/.test(sameRoute.expected[identity])) return;
            const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
            const answer = await send(t.url, { ...variant, headers: { ...headers, ...json, ...bearerOf(await tokens[identity]()) }, body });
            if (answer.status < 400 || answer.status >= 500) wrong.push(`${name} as ${identity}: ${String(answer.status)}`);
          }),
        );
      }
      expect(wrong).toEqual([]);
      expect(await footprint(t)).toEqual(before);
    });
  });

  it('answers HEAD as GET, without a body, for every identity', async () => {
    for (const [name, row] of Object.entries(MATRIX).filter(([name]) => name.startsWith('GET '))) {
      for (const identity of IDENTITIES) {
        const { id } = (await row.prepare?.({ t, victim, isAllowed: false }, identity)) ?? {};
        const path = (name.split(' ')[1] ?? '').replaceAll(/\{[^}]+\}/g, id ?? '');
        const answer = await send(t.url, { method: 'HEAD', path, headers: bearerOf(await tokens[identity]()) });
        expect([name, identity, String(answer.status), answer.text]).toEqual([name, identity, row.expected[identity].split(' ', 1)[0], '']);
      }
    }
  });

  it('answers a stranger about a foreign id as about an absent one, whatever the words of the route', async () => {
    for (const [name, row] of Object.entries(MATRIX).filter(([, { expected }]) => expected.other === '404 not_found')) {
      const [method = '', template = ''] = name.split(' ');
      const { id = '', body } = (await row.prepare?.({ t, victim, isAllowed: false }, 'other')) ?? {};
      const headers = {
        ...bearerOf(await tokens.other()),
        'X-Request-Id': 'same',
        ...(body ? { 'Content-Type': 'application/json' } : {}),
      };
      const [foreign, absent] = await Promise.all(
        [id, UNKNOWN_ID].map(async (each) => {
          const path = template.replaceAll(/\{[^}]+\}/g, each);
          const answer = await send(t.url, { method, path, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
          return [answer.status, answer.text.replaceAll(each, '{id}')];
        }),
      );
      expect([name, foreign]).toEqual([name, absent]);
    }
  });
});

/**
 * Everything that calls could change, except for what changes by itself: heartbeats, and deployments that other rows
 * have just made.
 */
const footprint = async ({ dataSource }: TestApp): Promise<unknown> =>
  dataSource.query(
    `SELECT (SELECT json_agg(json_build_array(id, name, generation, target_replicas, deleted_at) ORDER BY id) FROM deployments) AS deployments,
            (SELECT json_agg(json_build_array(id, status, version) ORDER BY id) FROM deployments WHERE name = 'victim') AS victim,
            (SELECT count(*) FROM deployment_status_history WHERE changed_by IS NOT NULL) AS changes,
            (SELECT json_agg(json_build_array(id, labels, cordoned, draining, removed_at) ORDER BY id) FROM nodes) AS nodes,
            (SELECT json_agg(json_build_array(id, email, is_active, is_admin) ORDER BY id) FROM users) AS users,
            (SELECT json_agg(json_build_array(id, revoked_at) ORDER BY id) FROM api_tokens) AS tokens,
            (SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL) AS ended`,
  );

/** Routes such as `GET /api/nodes/:x`, from the tree that Fastify's router prints. HEAD and OPTIONS follow from the others. */
function servedRoutes(app: NestFastifyApplication): string[] {
  const above: string[] = [];
  const tree = app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false });
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods = ''] = /^([│ ]*)[├└]── (\S*?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    const depth = indent.length / 4;
    above.splice(depth, above.length, part);
    const path = above.join('').replaceAll(/:[^/]+/g, ':x');
    const named = methods.split(', ').filter((method) => method !== '' && method !== 'HEAD' && method !== 'OPTIONS');
    return named.map((method) => `${method} ${path}`);
  });
}
