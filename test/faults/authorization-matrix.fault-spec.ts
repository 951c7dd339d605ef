import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { aUser, logIn } from '../support/auth-users';
import { aSpec, deploy, deployed, freshName, reaches, UNKNOWN_ID } from '../support/deployments';
import { readOpenApi, send, type Operation, type WireAnswer } from '../support/openapi-client';
import { parse } from '../support/openapi-client-checks';
import { bearerOf, inactiveToken, newSession, tokenWith } from '../support/openapi-client-identities';
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

const NOBODY = {
  none: '401 unauthenticated',
  expired: '401 unauthenticated',
  audience: '401 unauthenticated',
  inactive: '403 inactive_user',
};
const READ_ONLY = '403 read_only_token';

const all = (answer: string): Expected => Object.fromEntries(IDENTITIES.map((identity) => [identity, answer])) as Expected;
/** For whoever is logged in; `write` is refused to read-only tokens. */
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
  /** What goes in the place of `{id}`, and what is sent. A call that is allowed gets something fresh, since it may use it up. */
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
const aNode = (): object => ({ name: freshName(), region: 'eu-west', runtime: 'simulated', cpu_cores: 1, memory_mb: 512, storage_gb: 1 });
const nodeId = async ({ t }: World): Promise<string> =>
  (await t.as('root', { admin: true }).post('/api/nodes').send(aNode()).expect(201)).body.id as string;

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
  'GET /api/auth/tokens': { expected: signedIn('200', READ) },
  'POST /api/auth/tokens': { expected: signedIn('201', WRITE), prepare: () => Promise.resolve({ body: { name: 'ci' } }) },
  'DELETE /api/auth/tokens/{id}': {
    // Tokens are personal: an administrator has no business with those of others.
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
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
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
      // New ones each time: one of the rows is log-out.
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
    return answer;
  };

  describe.each(Object.entries(MATRIX))('%s', (name, row) => {
    it.each(IDENTITIES.map((identity) => [identity, row.expected[identity]] as const))('%s gets %s', async (identity, expected) => {
      const { status, text } = await call(name, row, identity);
      const code = status >= 400 ? ` ${String((parse(text) as { code?: unknown }).code)}` : '';
      expect(`${String(status)}${code}`).toBe(expected);
    });
  });

  /** The same address in other spellings, and the same request in other words. */
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
            // Another method is another route: who may not write there may perhaps look.
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

/** What calls could change, less what moves by itself: heartbeats, and deployments that other rows have just made. */
const footprint = async ({ dataSource }: TestApp): Promise<unknown> =>
  dataSource.query(
    `SELECT (SELECT json_agg(json_build_array(id, name, generation, target_replicas, deleted_at) ORDER BY id) FROM deployments) AS deployments,
            (SELECT json_agg(json_build_array(id, status, revision) ORDER BY id) FROM deployments WHERE name = 'victim') AS victim,
            (SELECT count(*) FROM deployment_status_history WHERE changed_by IS NOT NULL) AS changes,
            (SELECT json_agg(json_build_array(id, labels, cordoned, draining, removed_at) ORDER BY id) FROM nodes) AS nodes,
            (SELECT json_agg(json_build_array(id, is_active, is_admin) ORDER BY id) FROM users) AS users,
            (SELECT json_agg(json_build_array(id, revoked_at) ORDER BY id) FROM api_tokens) AS tokens,
            (SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL) AS ended`,
  );

/** As in `GET /api/nodes/:x`, from the tree that Fastify's router prints; HEAD and OPTIONS follow from the others. */
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
