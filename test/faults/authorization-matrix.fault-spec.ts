import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AUDITED_ROUTES } from '../../src/audit/audited-routes';
import { isOpenToBound } from '../../src/rights/bound-tokens';
import { changesNothing } from '../../src/common/http/changes-nothing';
import { PasswordLinksRepository } from '../../src/accounts/password-links.repository';
import { inTransaction } from '../../src/database/transaction';
import { aUser, logIn } from '../support/auth-users';
import { anUnnamedSpec, aSpec, deploy, deployed, freshName, reaches, UNKNOWN_ID } from '../support/deployments';
import { readOpenApi, send, type OpenApiDocument, type Operation, type Schema, type WireAnswer } from '../support/openapi-client';
import { AnswerChecks, parse } from '../support/openapi-client-checks';
import { bearerOf, inactiveToken, newSession, tokenWith } from '../support/openapi-client-identities';
import { aProject } from '../support/projects';
import { aDeletedDeployment, type DeletedOptions } from '../support/purge';
import { aNode as aRowOfNode, insertRow } from '../support/rows';
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
  'viewer',
  'deployer',
  'maintainer',
  'left',
  'bound',
  'boundViewer',
  'boundMaintainer',
  'boundElsewhere',
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
  viewer: 'viewer',
  deployer: 'deployer',
  maintainer: 'maintainer',
  left: 'left',
  bound: 'owner',
  boundViewer: 'owner',
  boundMaintainer: 'owner',
  boundElsewhere: 'owner',
};
/** Tokens of the owner that are bound to the project, and what they are there. */
const BOUND_AS = { bound: 'deployer', boundViewer: 'viewer', boundMaintainer: 'maintainer' } as const;
type Bound = keyof typeof BOUND_AS | 'boundElsewhere';
const BOUND: readonly Bound[] = ['bound', 'boundViewer', 'boundMaintainer', 'boundElsewhere'];
/** Users who are in the project of the owner, in these roles, and one who was in it. */
const ROLES_THERE = ['viewer', 'deployer', 'maintainer', 'left'] as const;
/** Routes that do not ask who the caller is: the body says it. */
const OPEN_ROUTES = [
  ...['POST /api/auth/register', 'POST /api/auth/login', 'POST /api/auth/refresh'],
  ...['POST /api/auth/password-reset/request', 'POST /api/auth/password-reset/confirm'],
  ...['POST /api/agents/join', 'GET /api/agents/link'],
];

const NOBODY = {
  none: '401 unauthenticated',
  expired: '401 unauthenticated',
  audience: '401 unauthenticated',
  inactive: '403 inactive_user',
};
const READ_ONLY = '403 read_only_token';
const READ = { write: false };
const WRITE = { write: true };

const all = (answer: string): Expected => Object.fromEntries(IDENTITIES.map((identity) => [identity, answer])) as Expected;
/** For all callers with a valid credential. `write`: read-only tokens are refused. */
const signedIn = (ok: string, { write }: { write: boolean }): Expected => ({
  ...all(ok),
  ...NOBODY,
  ...(write ? { readOnly: READ_ONLY, readOnlyAdministrator: READ_ONLY } : {}),
});
const NO_ROLE = '403 role_required';
/** What is in a project: its members may read, deployers and maintainers may write. */
const owned = (ok: string, { write }: { write: boolean }): Expected => ({
  ...signedIn(ok, { write }),
  ...{ other: '404 not_found', left: '404 not_found' },
  ...(write ? { viewer: NO_ROLE } : {}),
});
/** A preview of a change is for those who may change it. */
const previewed = (ok: string): Expected => ({ ...owned(ok, READ), viewer: NO_ROLE });
/** What only maintainers of its project do. */
const maintained = (ok: string, access: { write: boolean }): Expected => ({ ...owned(ok, access), viewer: NO_ROLE, deployer: NO_ROLE });
/** What belongs to a user and to no project. */
const own = (ok: string, access: { write: boolean }): Expected => ({
  ...signedIn(ok, access),
  ...{ other: '404 not_found', viewer: '404 not_found', deployer: '404 not_found', maintainer: '404 not_found', left: '404 not_found' },
});
const adminOnly = (ok: string, { write }: { write: boolean }): Expected => ({
  ...signedIn(ok, { write }),
  owner: '403 admin_required',
  other: '403 admin_required',
  ...Object.fromEntries(ROLES_THERE.map((role) => [role, '403 admin_required'])),
  ...(write ? {} : { readOnly: '403 admin_required' }),
});

interface Prepared {
  readonly id?: string;
  readonly second?: string;
  readonly query?: string;
  readonly body?: object;
}

interface Row {
  readonly expected: Expected;
  /** Where it is not what `expectedFor` says. */
  readonly forBound?: Readonly<Partial<Record<Bound, string>>>;
  /** Of a bulk route: the code with which the one deployment is refused that the request names. It has a code of its own, so the answer is 200. */
  readonly refusedItem?: Readonly<Partial<Record<Identity, string>>>;
  /** What the path needs behind it. */
  readonly query?: string;
  /** Headers that the route requires. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes what goes in the place of `{id}`, and what is sent. Each allowed call gets a new one, because it may use it up. */
  readonly prepare?: (world: World, identity: Identity) => Promise<Prepared>;
}

/** Who may not change the deployment that a bulk request names. */
const REFUSED_ITEM = { other: 'not_found', left: 'not_found', viewer: 'role_required' };

/** What names no project goes into that of the token, where this one may only read. */
const NO_VIEWER = { boundViewer: NO_ROLE };

interface World {
  readonly t: TestApp;
  readonly victim: string;
  /** The project of the owner in which everything happens. */
  readonly project: string;
  /** Another project of the owner, without other members. */
  readonly elsewhere: string;
  readonly isAllowed: boolean;
}

const theVictim: Row['prepare'] = ({ victim }) => Promise.resolve({ id: victim });
const aFreshOne = ({ t, victim, project, isAllowed }: World): Promise<string> =>
  isAllowed ? deployed(t, 'owner', { project }) : Promise.resolve(victim);
const aDeletedOne = async ({ t, project }: World, options: DeletedOptions = {}): Promise<string> =>
  aDeletedDeployment(t.dataSource, await t.userId('owner'), { ...options, values: { project_id: project } });
/** One that was deleted as users do it, for those who may restore it; for others one that nothing in the background changes. */
const aRestorableOne = async (world: World): Promise<string> => {
  if (!world.isAllowed) return aDeletedOne(world, { dueSecondsAgo: -86_400 });
  const id = await aFreshOne(world);
  await world.t.as('owner').delete(`/api/deployment/${id}`).expect(200);
  return id;
};
/** A project that has the members of that of the owner. */
const aLikeProject = ({ t, project, isAllowed }: World): Promise<{ id: string }> =>
  isAllowed ? aProject(t, 'owner', { viewer: 'viewer', deployer: 'deployer', maintainer: 'maintainer' }) : Promise.resolve({ id: project });
const theProject = ({ project }: World): Promise<{ id: string }> => Promise.resolve({ id: project });
const aSecret = async (world: World, place = aLikeProject): Promise<{ id: string; second: string }> => {
  const { id } = await place(world);
  await world.t.as('owner').put(`/api/projects/${id}/secrets/token`).send({ value: 'something' }).expect(200);
  return { id, second: 'token' };
};
/** A volume that nothing mounts. */
const aVolume = async (world: World, place = aLikeProject): Promise<{ id: string; second: string }> => {
  const { id } = await place(world);
  const owner = await world.t.userId('owner');
  await world.t.dataSource.query(
    `INSERT INTO volumes (project_id, name, size_gb, user_id) VALUES ($1, 'data', 1, $2)
         ON CONFLICT (project_id, name) WHERE removing_since IS NULL DO NOTHING`,
    [id, owner],
  );
  return { id, second: 'data' };
};
/** Nothing listens there, so that no test asks a registry. */
const REGISTRY = { server: '127.0.0.1:1', username: 'puller', password: 'something' };
const aRegistry = async (world: World, place = aLikeProject): Promise<{ id: string; second: string }> => {
  const { id } = await place(world);
  await world.t.as('owner').put(`/api/projects/${id}/registries/packages`).send(REGISTRY).expect(200);
  return { id, second: 'packages' };
};
/** The same one for all callers, since there may not be many. */
const aSharedRegistry = async ({ t }: World): Promise<{ id: string }> => {
  const id = 'packages';
  await t.as('root', { admin: true }).put(`/api/admin/registries/${id}`).send(REGISTRY).expect(200);
  return { id };
};
/** Another project, with the same members for those who may move something into it. */
const another = async (world: World): Promise<string> => (world.isAllowed ? (await aLikeProject(world)).id : world.elsewhere);
/** A request that names the project, in its body or in the query. */
const inProject =
  (body?: () => object): Row['prepare'] =>
  ({ project }) =>
    Promise.resolve(body ? { body: { ...body(), project } } : { query: `?project=${project}` });
/** A deployment with a safeguard that can be lifted. */
const aGuardedOne = async (world: World, user: string, safeguard: 'protection' | 'legal-hold'): Promise<string> => {
  const id = await aFreshOne(world);
  if (world.isAllowed) await world.t.as(user).put(`/api/deployment/${id}/${safeguard}`).send({ reason: 'for a test' }).expect(200);
  return id;
};
/** A deployment in the middle of a rollout that does not get on, or one that has a previous revision. */
const aChangedOne = async (world: World, state: 'rolling_out' | 'stopped' = 'rolling_out'): Promise<string> => {
  const id = await aFreshOne(world);
  if (!world.isAllowed) return id;
  if (state === 'stopped') await world.t.as('owner').post(`/api/deployment/${id}/stop`).expect(202);
  const patch = { container_image: 'simulated/unhealthy:2', rollout: { min_healthy_seconds: 0 } };
  await world.t.as('owner').patch(`/api/deployment/${id}`).send(patch).expect(202);
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
  ...own(ok, access),
  administrator: '404 not_found',
  ...(access.write ? {} : { readOnlyAdministrator: '404 not_found' }),
});
const nodeId = async ({ t }: World): Promise<string> =>
  (await t.as('root', { admin: true }).post('/api/nodes').send(aNode()).expect(201)).body.id as string;
const anAgentNode = async ({ t }: World): Promise<{ id: string; join: { token: string } }> => {
  const named = { name: `edge-${randomUUID()}`, region: 'us-east', runtime: 'agent' };
  return (await t.as('root', { admin: true }).post('/api/nodes').send(named).expect(201)).body;
};
const JOINING = {
  public_key: 'GbEJPrmO1kqF6VpoDnpXYp2tJ1mWTLkQr8m2Ckt8qYA',
  machine: { hostname: 'edge', machine_id: 'edge', platform: 'linux/arm64', program_version: '1' },
};

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

/** A container that no replica stands for, on a node that does not answer, so that no look at it changes anything. */
const anOrphan = async ({ t }: World): Promise<{ id: string }> => {
  const node_id = await aRowOfNode(t.dataSource, { cordoned: true, last_heartbeat: new Date(0) });
  await insertRow(t.dataSource, 'simulated_node_faults', { node_id });
  const row = { kind: 'container', subject: randomUUID(), replica_id: randomUUID(), deployment_id: randomUUID(), sightings: 2, node_id };
  return { id: await insertRow(t.dataSource, 'orphans', row) };
};
const SEEN = { 'If-Match': '"1"' };

const ROWS: Readonly<Record<string, Row>> = {
  'GET /health/live': { expected: all('200') },
  'GET /health/ready': { expected: all('200') },
  'GET /metrics': { expected: adminOnly('200', READ) },
  // Its own token opens it, and nothing that users have.
  'GET /api/routing/traefik': {
    expected: all('401 unauthenticated'),
    forBound: Object.fromEntries(BOUND.map((each) => [each, '401 unauthenticated'])),
  },
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
    expected: { ...own('204', WRITE), administrator: '404 not_found' },
    prepare: async ({ t }) => ({ id: (await t.as('owner').post('/api/auth/tokens').send({ name: 'ci' }).expect(201)).body.id as string }),
  },
  'POST /api/users': {
    expected: adminOnly('201', WRITE),
    prepare: () => {
      const username = freshName();
      return Promise.resolve({ body: { username, email: `${username}@example.org`, password: 'Correct-Horse-7' } });
    },
  },
  'GET /api/users': { expected: adminOnly('200', READ) },
  'GET /api/users/{id}': { expected: adminOnly('200', READ), prepare: async ({ t }) => ({ id: await t.userId('bystander') }) },
  'PATCH /api/users/{id}': {
    expected: adminOnly('200', WRITE),
    prepare: async ({ t }) => ({ id: await t.userId('bystander'), body: { email: `${freshName()}@example.org` } }),
  },
  'POST /api/users/{id}/unlock': {
    expected: adminOnly('200', WRITE),
    prepare: async ({ t }) => ({ id: await t.userId('bystander') }),
  },
  'POST /api/users/{id}/password-link': {
    expected: adminOnly('201', WRITE),
    prepare: async ({ t }) => ({ id: await t.userId('bystander') }),
  },
  'POST /api/auth/password': {
    // Who has a session learns that the password is wrong.
    expected: signedIn('422 validation_failed', WRITE),
    prepare: () => Promise.resolve({ body: { current_password: 'Wrong-Horse-7', new_password: 'Better-Horse-8' } }),
  },
  'POST /api/auth/password-reset/request': {
    expected: all('202'),
    prepare: () => Promise.resolve({ body: { username: 'nobody-here' } }),
  },
  'POST /api/auth/password-reset/confirm': {
    expected: all('204'),
    prepare: async ({ t }) => {
      const links = new PasswordLinksRepository(t.dataSource);
      const userId = await t.userId('linked');
      const { token } = await inTransaction(t.dataSource, (tx) => links.open(tx, userId));
      return { body: { token, password: 'Better-Horse-8' } };
    },
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
  'POST /api/nodes/{id}/join-token': {
    expected: adminOnly('201', WRITE),
    prepare: async (world) => ({ id: (await anAgentNode(world)).id }),
  },
  'POST /api/agents/join': {
    expected: all('200'),
    prepare: async (world) => ({ body: { ...JOINING, join_token: (await anAgentNode(world)).join.token } }),
  },
  // The machine shows who it is once the WebSocket is open.
  'GET /api/agents/link': { expected: all('400 invalid_request') },
  'GET /api/admin/audit': { expected: adminOnly('200', READ) },
  'GET /api/admin/clock': { expected: adminOnly('200', READ) },
  // No step waits for a confirmation; only callers who may confirm one learn that.
  'POST /api/admin/clock/confirm': { expected: adminOnly('409 conflict', WRITE) },
  'GET /api/admin/orphans': { expected: adminOnly('200', READ) },
  'GET /api/admin/orphans/{id}': { expected: adminOnly('200', READ), prepare: anOrphan },
  'GET /api/admin/orphans/{id}/reap-preview': { expected: adminOnly('200', READ), prepare: anOrphan },
  'GET /api/admin/orphans/{id}/adopt-preview': { expected: adminOnly('200', READ), prepare: anOrphan },
  'POST /api/admin/orphans/{id}/reap': { expected: adminOnly('202', WRITE), prepare: anOrphan, headers: SEEN },
  // Its deployment was never known; only callers who may adopt learn that.
  'POST /api/admin/orphans/{id}/adopt': { expected: adminOnly('409 conflict', WRITE), prepare: anOrphan, headers: SEEN },
  'DELETE /api/admin/deployment/{id}': {
    expected: adminOnly('200', WRITE),
    prepare: async ({ t, victim, isAllowed }) => ({
      id: isAllowed ? await aDeletedDeployment(t.dataSource, await t.userId('owner')) : victim,
    }),
  },
  'GET /api/admin/deployment/{id}/purge-preview': {
    expected: adminOnly('200', READ),
    prepare: async ({ t }) => ({ id: await aDeletedDeployment(t.dataSource, await t.userId('owner')) }),
  },
  'POST /api/admin/retention-policies/preview': {
    expected: adminOnly('200', READ),
    prepare: () => Promise.resolve({ body: { selector: 'label', value: `app=${freshName()}`, days: 7 } }),
  },
  'POST /api/admin/retention-policies/{id}/preview': {
    expected: adminOnly('200', READ),
    prepare: async (world) => ({ id: await policyId(world), body: { days: 8 } }),
  },
  'GET /api/admin/retention-policies/{id}/removal-preview': {
    expected: adminOnly('200', READ),
    prepare: async (world) => ({ id: await policyId(world) }),
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
  'GET /api/projects': { expected: signedIn('200', READ) },
  'POST /api/projects': {
    expected: signedIn('201', WRITE),
    prepare: () => Promise.resolve({ body: { name: `made-${freshName()}` } }),
  },
  'GET /api/projects/{id}': { expected: owned('200', READ), prepare: ({ project }) => Promise.resolve({ id: project }) },
  'PATCH /api/projects/{id}': {
    expected: maintained('200', WRITE),
    prepare: async (world) => ({ id: (await aLikeProject(world)).id, body: { description: 'changed' } }),
  },
  'DELETE /api/projects/{id}': { expected: maintained('200', WRITE), prepare: aLikeProject },
  'GET /api/projects/{id}/deletion-preview': {
    expected: maintained('200', READ),
    prepare: ({ project }) => Promise.resolve({ id: project }),
  },
  'PUT /api/projects/{id}/quota': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ id: (await aLikeProject(world)).id, body: { replicas: 100 } }),
  },
  'GET /api/projects/{id}/groups': { expected: owned('200', READ), prepare: ({ project }) => Promise.resolve({ id: project }) },
  'PUT /api/projects/{id}/groups/{group}': {
    expected: maintained('200', WRITE),
    prepare: async (world) => {
      const { id } = await aLikeProject(world);
      // The first role of a group is for administrators, and for those who are in it.
      await world.t.as('root', { admin: true }).put(`/api/projects/${id}/groups/a-group`).send({ role: 'deployer' }).expect(200);
      return { id, second: 'a-group', body: { role: 'viewer' } };
    },
  },
  'DELETE /api/projects/{id}/groups/{group}': {
    expected: maintained('204', WRITE),
    prepare: async (world) => {
      const { id } = await aLikeProject(world);
      if (world.isAllowed)
        await world.t.as('root', { admin: true }).put(`/api/projects/${id}/groups/a-group`).send({ role: 'viewer' }).expect(200);
      return { id, second: 'a-group' };
    },
  },
  'GET /api/projects/{id}/members': { expected: owned('200', READ), prepare: ({ project }) => Promise.resolve({ id: project }) },
  'PUT /api/projects/{id}/members/{user_id}': {
    expected: maintained('200', WRITE),
    prepare: async (world) => ({ id: (await aLikeProject(world)).id, second: 'bystander', body: { role: 'viewer' } }),
  },
  'DELETE /api/projects/{id}/members/{user_id}': {
    expected: maintained('204', WRITE),
    prepare: async (world) => {
      const { id } = await aLikeProject(world);
      await world.t.as('owner').put(`/api/projects/${id}/members/bystander`).send({ role: 'viewer' }).expect(200);
      return { id, second: 'bystander' };
    },
  },
  'GET /api/projects/{id}/secrets': { expected: owned('200', READ), prepare: ({ project }) => Promise.resolve({ id: project }) },
  'GET /api/projects/{id}/secrets/{name}': { expected: owned('200', READ), prepare: (world) => aSecret(world, theProject) },
  'PUT /api/projects/{id}/secrets/{name}': {
    expected: maintained('200', WRITE),
    prepare: async (world) => ({ ...(await aSecret(world)), body: { value: 'another' } }),
  },
  'POST /api/projects/{id}/secrets/{name}/preview': {
    expected: maintained('200', READ),
    prepare: async (world) => ({ ...(await aSecret(world)), body: { value: 'another' } }),
  },
  'DELETE /api/projects/{id}/secrets/{name}': { expected: maintained('204', WRITE), prepare: (world) => aSecret(world) },
  'GET /api/projects/{id}/volumes': { expected: owned('200', READ), prepare: ({ project }) => Promise.resolve({ id: project }) },
  'GET /api/projects/{id}/volumes/{name}': { expected: owned('200', READ), prepare: (world) => aVolume(world, theProject) },
  'DELETE /api/projects/{id}/volumes/{name}': { expected: maintained('202', WRITE), prepare: (world) => aVolume(world) },
  'GET /api/projects/{id}/registries': { expected: owned('200', READ), prepare: ({ project }) => Promise.resolve({ id: project }) },
  'GET /api/projects/{id}/registries/{name}': { expected: owned('200', READ), prepare: (world) => aRegistry(world, theProject) },
  'PUT /api/projects/{id}/registries/{name}': {
    expected: maintained('200', WRITE),
    prepare: async (world) => ({ ...(await aRegistry(world)), body: { ...REGISTRY, password: 'another' } }),
  },
  'POST /api/projects/{id}/registries/{name}/preview': {
    expected: maintained('200', READ),
    prepare: async (world) => ({ ...(await aRegistry(world)), body: REGISTRY }),
  },
  'DELETE /api/projects/{id}/registries/{name}': { expected: maintained('204', WRITE), prepare: (world) => aRegistry(world) },
  'GET /api/admin/registries': { expected: adminOnly('200', READ) },
  'GET /api/admin/registries/{name}': { expected: adminOnly('200', READ), prepare: aSharedRegistry },
  'POST /api/admin/registries/{name}/preview': {
    expected: adminOnly('200', READ),
    prepare: async (world) => ({ ...(await aSharedRegistry(world)), body: REGISTRY }),
  },
  'PUT /api/admin/registries/{name}': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ ...(await aSharedRegistry(world)), body: { ...REGISTRY, password: freshName() } }),
  },
  'DELETE /api/admin/registries/{name}': { expected: adminOnly('204', WRITE), prepare: aSharedRegistry },
  // The other project is none of the bound token's.
  'POST /api/deployment/{deployment_id}/move/preview': {
    expected: maintained('200', READ),
    forBound: { boundMaintainer: '404 not_found' },
    prepare: async (world) => ({ id: world.victim, body: { project: await another(world) } }),
  },
  'POST /api/deployment/{deployment_id}/move': {
    expected: maintained('200', WRITE),
    forBound: { boundMaintainer: '404 not_found' },
    prepare: async (world) => ({ id: await aFreshOne(world), body: { project: await another(world) } }),
  },
  'POST /api/deployment/{deployment_id}/move (where others are maintainers)': {
    expected: { ...maintained('200', WRITE), maintainer: NO_ROLE },
    forBound: { boundMaintainer: '404 not_found' },
    prepare: async (world) => ({
      id: await aFreshOne(world),
      body: { project: (await aProject(world.t, 'owner', { maintainer: 'deployer', deployer: 'maintainer' })).id },
    }),
  },
  'POST /api/deployment/{deployment_id}/move (where only the owner is)': {
    expected: { ...maintained('200', WRITE), maintainer: '404 not_found' },
    forBound: { boundMaintainer: '404 not_found' },
    prepare: async (world) => ({ id: await aFreshOne(world), body: { project: (await aProject(world.t, 'owner')).id } }),
  },
  'GET /api/deployment/list': { expected: signedIn('200', READ) },
  'POST /api/deployment/deploy': {
    expected: signedIn('202', WRITE),
    forBound: NO_VIEWER,
    prepare: () => Promise.resolve({ body: aSpec() }),
  },
  'POST /api/deployment/deploy/preview': {
    expected: signedIn('200', READ),
    forBound: NO_VIEWER,
    prepare: () => Promise.resolve({ body: aSpec() }),
  },
  // A project that is none of the caller's has nothing to show, as one that does not exist.
  'GET /api/deployment/list (in a project)': { expected: signedIn('200', READ), prepare: inProject() },
  'POST /api/deployment/deploy (in a project)': { expected: owned('202', WRITE), prepare: inProject(() => aSpec()) },
  'POST /api/deployment/deploy/preview (in a project)': { expected: previewed('200'), prepare: inProject(() => aSpec()) },
  'POST /api/deployment/bulk-deploy (in a project)': { expected: owned('200', WRITE), prepare: inProject(() => ({ deployments: [{}] })) },
  'POST /api/deployment/bulk-deploy/preview (in a project)': {
    expected: previewed('200'),
    prepare: inProject(() => ({ deployments: [{}] })),
  },
  'PUT /api/deployment/named/{name} (in a project)': {
    expected: owned('202', WRITE),
    prepare: ({ project }) => Promise.resolve({ id: freshName(), query: `?project=${project}`, body: anUnnamedSpec() }),
  },
  'POST /api/deployment/named/{name}/preview (in a project)': {
    expected: previewed('200'),
    prepare: ({ project }) => Promise.resolve({ id: freshName(), query: `?project=${project}`, body: anUnnamedSpec() }),
  },
  'GET /api/deployment/named/{name} (in a project)': {
    expected: owned('200', READ),
    prepare: ({ project }) => Promise.resolve({ id: 'victim', query: `?project=${project}` }),
  },
  'POST /api/deployment/bulk-delete (in a project)': {
    expected: owned('200', WRITE),
    prepare: ({ project }) => Promise.resolve({ body: { filter: { project, labels: { app: freshName() } } } }),
  },
  'POST /api/deployment/bulk-delete/preview (in a project)': {
    expected: previewed('200'),
    prepare: ({ project }) => Promise.resolve({ body: { filter: { project, labels: { app: freshName() } } } }),
  },
  'POST /api/auth/tokens (in a project)': {
    // Who is no member has no token there, also as an administrator.
    expected: { ...signedIn('201', WRITE), other: '404 not_found', left: '404 not_found', administrator: '404 not_found' },
    prepare: inProject(() => ({ name: freshName(), role: 'deployer' })),
  },
  'GET /api/deployment/{deployment_id}/deletion-preview': { expected: previewed('200'), prepare: theVictim },
  'GET /api/deployment/status/{deployment_id}': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}/history': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}/logs': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}/stats': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}/events': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}/wait': { expected: owned('200', READ), prepare: theVictim, query: '?for=running&timeout=0' },
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
    prepare: async ({ t, victim, project, isAllowed }) => {
      if (!isAllowed) return { id: victim };
      const id = await deploy(t, 'owner', { project, resources: { cpu: 32, memory: 65_536 } });
      await reaches(t, 'owner', id, 'failed');
      return { id };
    },
  },
  'PATCH /api/deployment/{deployment_id}': {
    expected: owned('200', WRITE),
    prepare: async (world) => ({ id: await aFreshOne(world), body: { labels: { app: freshName() } } }),
  },
  'POST /api/deployment/{deployment_id}/preview': {
    expected: previewed('200'),
    prepare: ({ victim }) => Promise.resolve({ id: victim, body: { labels: { app: 'x' } } }),
  },
  // Everybody sees the own deployment of a name.
  'GET /api/deployment/named/{name}': {
    expected: signedIn('200', READ),
    forBound: { boundElsewhere: '404 not_found' },
    prepare: async ({ t, project, isAllowed }, identity) => {
      const name = freshName();
      const actor = ACTORS[identity];
      if (isAllowed && actor !== undefined) await deploy(t, actor, identity in BOUND_AS ? { name, project } : { name });
      return { id: name };
    },
  },
  'PUT /api/deployment/named/{name}': {
    expected: signedIn('202', WRITE),
    forBound: NO_VIEWER,
    prepare: () => Promise.resolve({ id: freshName(), body: anUnnamedSpec() }),
  },
  'POST /api/deployment/named/{name}/preview': {
    expected: signedIn('200', READ),
    forBound: NO_VIEWER,
    prepare: () => Promise.resolve({ id: freshName(), body: anUnnamedSpec() }),
  },
  'GET /api/deployment/{deployment_id}/revisions': { expected: owned('200', READ), prepare: theVictim },
  'GET /api/deployment/{deployment_id}/rollout': {
    expected: owned('200', READ),
    prepare: async (world) => ({ id: await aChangedOne(world) }),
  },
  'POST /api/deployment/{deployment_id}/rollout/pause': {
    expected: owned('200', WRITE),
    prepare: async (world) => ({ id: await aChangedOne(world) }),
  },
  'POST /api/deployment/{deployment_id}/rollout/resume': {
    expected: owned('200', WRITE),
    prepare: async (world) => {
      const id = await aChangedOne(world);
      if (world.isAllowed) await world.t.as('owner').post(`/api/deployment/${id}/rollout/pause`).expect(200);
      return { id };
    },
  },
  'POST /api/deployment/{deployment_id}/rollout/abort': {
    expected: owned('202', WRITE),
    prepare: async (world) => ({ id: await aChangedOne(world) }),
  },
  'POST /api/deployment/{deployment_id}/restart': {
    expected: owned('202', WRITE),
    prepare: async (world) => ({ id: await aFreshOne(world) }),
  },
  'POST /api/deployment/{deployment_id}/rollback': {
    expected: owned('202', WRITE),
    prepare: async (world) => ({ id: await aChangedOne(world, 'stopped'), body: {} }),
  },
  'GET /api/deployment/{deployment_id}/deletion': {
    expected: owned('200', READ),
    prepare: async (world) => ({ id: await aDeletedOne(world, { dueSecondsAgo: -86_400 }) }),
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
    prepare: async (world) => ({ id: await aRestorableOne(world) }),
  },
  'POST /api/deployment/{deployment_id}/restore/preview': {
    expected: previewed('200'),
    prepare: async (world) => ({ id: await aDeletedOne(world) }),
  },
  'POST /api/deployment/bulk-delete/preview': {
    expected: signedIn('200', READ),
    refusedItem: REFUSED_ITEM,
    prepare: ({ victim }) => Promise.resolve({ body: { ids: [victim] } }),
  },
  'POST /api/deployment/bulk-deploy/preview': {
    expected: signedIn('200', READ),
    forBound: NO_VIEWER,
    prepare: () => Promise.resolve({ body: { deployments: [{}] } }),
  },
  'POST /api/deployment/bulk-deploy': {
    expected: signedIn('200', WRITE),
    forBound: NO_VIEWER,
    prepare: () => Promise.resolve({ body: { deployments: [{}] } }),
  },
  // Each of the named deployments has its own result: that of another user is `not_found`.
  'POST /api/deployment/bulk-delete': {
    expected: signedIn('200', WRITE),
    refusedItem: REFUSED_ITEM,
    prepare: async (world) => ({ body: { ids: [await aFreshOne(world)], wait: 60 } }),
  },
  'POST /api/deployment/bulk-restore': {
    expected: signedIn('200', WRITE),
    refusedItem: REFUSED_ITEM,
    prepare: async (world) => ({ body: { ids: [await aRestorableOne(world)], wait: 60 } }),
  },
  'GET /api/operations': { expected: signedIn('200', READ) },
  'GET /api/operations/{id}': { expected: own('200', READ), prepare: async (world) => ({ id: await anOperation(world, 'running') }) },
  'POST /api/operations/{id}/confirm': {
    expected: adminOnly('200', WRITE),
    prepare: async (world) => ({ id: await anOperation(world, 'waiting_for_confirmation') }),
  },
  'POST /api/operations/{id}/cancel': {
    expected: own('200', WRITE),
    prepare: async (world) => ({ id: await anOperation(world, 'waiting_for_confirmation') }),
  },
  'DELETE /api/deployment/{deployment_id}': { expected: owned('200', WRITE), prepare: async (world) => ({ id: await aFreshOne(world) }) },
};

/** The path of a route; where it names two things, `second` is the other one. */
const filled = (template: string, id = '', second = id): string => template.replace(/\{[^}]+\}/, id).replaceAll(/\{[^}]+\}/g, second);

/** What a body may have, whole schemas and shared ones alike. */
function propertiesOf(document: OpenApiDocument, schema: Schema | null): Readonly<Record<string, Schema>> {
  const own = schema?.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1) ?? ''];
  const parts = (own?.allOf ?? []).map((part) => propertiesOf(document, part));
  return Object.assign({}, ...parts, own?.properties) as Readonly<Record<string, Schema>>;
}

/** The pages about the API, which are not part of it, and the WebSocket of agents, which no document of this kind can describe. */
const UNDOCUMENTED = /^\/(docs(\/|$)|openapi\.json$|api\/agents\/link$|$)/;

/** Asks once for each two. */
const once = (make: (identity: Bound, to: string) => Promise<string>): typeof make => {
  const made = new Map<string, Promise<string>>();
  return (identity, to) => {
    const known = made.get(`${identity} ${to}`) ?? make(identity, to);
    made.set(`${identity} ${to}`, known);
    return known;
  };
};

/**
 * The answer for a bound token: one that is bound to the project has there what its role has, one that is bound to another project what
 * strangers have, and none has anything else.
 */
const expectedFor = (name: string, { expected }: Row, identity: Bound): string => {
  const [method = '', path = ''] = name.split(' ');
  if (expected.none !== NOBODY.none) return expected.owner;
  if (!isOpenToBound(method, path)) return '403 bound_token';
  return identity === 'boundElsewhere' ? expected.other : expected[BOUND_AS[identity]];
};

const MATRIX: Readonly<Record<string, Row>> = Object.fromEntries(
  Object.entries(ROWS).map(([name, row]) => {
    const bound = BOUND.map((identity) => [identity, row.forBound?.[identity] ?? expectedFor(name, row, identity)]);
    return [name, { ...row, expected: { ...row.expected, ...Object.fromEntries(bound) } }];
  }),
);
/** `POST /api/deployment/deploy` for `POST /api/deployment/deploy (in a project)`. */
const routeOf = (name: string): string => name.split(' ', 2).join(' ');

describe('the authorization matrix', () => {
  let t: TestApp;
  let victim: string;
  let project: string;
  let elsewhere: string;
  let operations: Operation[];
  let document: OpenApiDocument;
  /** For a call in this project. */
  let tokens: Record<Identity, (place: string) => Promise<string | null>>;
  beforeAll(async () => {
    const mail = { SMTP_URL: 'smtp://127.0.0.1:9', SMTP_FROM: 'fog@test.invalid' };
    const registries = { ALLOWED_REGISTRIES: REGISTRY.server };
    // With it the route is there that Traefik asks.
    const traefik = { LOAD_BALANCER: 'traefik', ROUTING_TOKEN: 'a-token-of-traefik-and-of-nobody-else' };
    t = await startTestApp({
      env: {
        STOP_GRACE_SECONDS: '0',
        MAX_OPEN_OPERATIONS_PER_USER: '0',
        AUDIT_REFUSALS_PER_MINUTE: '0',
        ACCESS_TOKEN_SECONDS: '7200',
        ...registries,
        ...mail,
        ...traefik,
      },
    });
    ({ operations, document } = await readOpenApi(t.url));
    await Promise.all([t.userId('owner'), t.userId('other'), t.userId('bystander'), t.token('root', { admin: true }), aUser(t, 'login')]);
    const past = Math.floor(Date.now() / 1000) - 1;
    const kept = {
      expired: await tokenWith(t, 'owner', { exp: past }),
      audience: await tokenWith(t, 'owner', { aud: 'another-service' }),
      inactive: await inactiveToken(t, 'inactive'),
      readOnly: await t.token('owner', { readOnly: true }),
      readOnlyAdministrator: await t.token('root', { readOnly: true }),
    };
    elsewhere = (await aProject(t, 'owner')).id;
    const boundToken = once(async (identity: Bound, to: string): Promise<string> => {
      const role = identity === 'boundElsewhere' ? 'deployer' : BOUND_AS[identity];
      const { body } = await t.as('owner').post('/api/auth/tokens').send({ name: freshName(), project: to, role }).expect(201);
      return (body as { token: string }).token;
    });
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
      viewer: () => newSession(t, 'viewer'),
      deployer: () => newSession(t, 'deployer'),
      maintainer: () => newSession(t, 'maintainer'),
      left: () => newSession(t, 'left'),
      bound: (place) => boundToken('bound', place),
      boundViewer: (place) => boundToken('boundViewer', place),
      boundMaintainer: (place) => boundToken('boundMaintainer', place),
      boundElsewhere: () => boundToken('boundElsewhere', elsewhere),
    };
    const team = await aProject(t, 'owner', { viewer: 'viewer', deployer: 'deployer', maintainer: 'maintainer', left: 'maintainer' });
    project = team.id;
    victim = await deployed(t, 'left', { project, name: 'victim', replicas: 2 });
    await t.as('owner').delete(`/api/projects/${project}/members/left`).expect(204);
  });
  afterAll(() => t?.close());

  it('has a row for every route of the document, and no row without a route', () => {
    const rows = new Set(Object.keys(MATRIX).map(routeOf));
    const documented = [...rows].filter((name) => !UNDOCUMENTED.test(name.split(' ')[1] ?? ''));
    expect(documented.sort()).toEqual(operations.map(({ name }) => name).sort());
  });

  it('has a row of its own for every route that may name a project: what a role may do there', () => {
    const naming = operations.filter(({ parameters, body }) => {
      const members = propertiesOf(document, body);
      const inFilter = members.filter === undefined ? {} : propertiesOf(document, members.filter);
      return parameters.some(({ name }) => name === 'project') || 'project' in members || 'project' in inFilter;
    });
    const rows = Object.keys(MATRIX).filter((name) => name.endsWith(' (in a project)'));
    // A move names the project in every one of its rows.
    const others = naming.filter(({ path }) => !path.includes('/move'));
    expect(rows.map(routeOf).sort()).toEqual(others.map(({ name }) => name).sort());
  });

  it('knows every route that the server answers: none is missing from the document', () => {
    const served = servedRoutes(t.app).filter((route) => !UNDOCUMENTED.test(route.split(' ')[1] ?? ''));
    const documented = operations.map(({ method, path }) => `${method} ${path.replaceAll(/\{[^}]+\}/g, ':x')}`);
    expect([...new Set(served)].sort()).toEqual(documented.sort());
  });

  it('has a name for every route that changes something, under which the audit log shows it', () => {
    expect(Object.keys(AUDITED_ROUTES).sort()).toEqual(
      operations.flatMap(({ name, method, path }) => (changesNothing(method, path) ? [] : [name])).sort(),
    );
  });

  /** The audit log has what was done or refused, once, and neither what was read nor what callers without a credential tried. */
  const expectAudited = async (name: string, identity: Identity, expected: string, { headers }: WireAnswer): Promise<void> => {
    const rows = await t.dataSource.query<{ action: string; outcome: string; code: string | null; actor: string | null }[]>(
      `SELECT a.action, a.outcome, a.code, u.username AS actor FROM audit_log AS a LEFT JOIN users AS u ON u.id = a.actor_id WHERE a.request_id = $1`,
      [headers['x-request-id']],
    );
    const isDone = /^2/.test(expected);
    const action = AUDITED_ROUTES[routeOf(name)]?.action;
    if (action === undefined || (!isDone && NAMELESS.includes(identity))) {
      expect([name, identity, rows]).toEqual([name, identity, []]);
      return;
    }
    const code = isDone ? null : (expected.split(' ')[1] ?? '');
    const shown = rows.filter((row) => row.action === action).map(({ outcome, code: why }) => [outcome, why]);
    expect([name, identity, shown]).toEqual([name, identity, [[isDone ? 'done' : 'refused', code]]]);
    const who = ACTORS[identity];
    if (who !== undefined && !OPEN_ROUTES.includes(routeOf(name))) expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set([who]));
  };

  it('has tokens that are wrong in one respect only', async () => {
    const answer = await send(t.url, { method: 'GET', path: '/api/auth/me', headers: bearerOf(await tokenWith(t, 'owner', {})) });
    expect(answer.status).toBe(200);
  });

  /** Where a call takes place: in the project that its path names, or in that of the owner. */
  const placeOf = (template: string, id?: string): string => (template.startsWith('/api/projects/{id}') && id ? id : project);

  const call = async (name: string, row: Row, identity: Identity): Promise<WireAnswer> => {
    const [method = '', template = ''] = name.split(' ');
    const refused = row.refusedItem?.[identity];
    const isAllowed = /^2/.test(row.expected[identity]) && refused === undefined;
    const { id, second, body, query } = (await row.prepare?.({ t, victim, project, elsewhere, isAllowed }, identity)) ?? {};
    const place = placeOf(template, id);
    const headers = { ...bearerOf(await tokens[identity](place)), ...row.headers, ...(body ? { 'Content-Type': 'application/json' } : {}) };
    const path = filled(template, id, second) + (query ?? row.query ?? '');
    const before = isAllowed && !path.endsWith('preview') ? null : await footprint(t);
    const answer = await send(t.url, { method, path, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    if (before) expect(await footprint(t)).toEqual(before);
    if (row.refusedItem && answer.status < 300) {
      const { items } = parse(answer.text) as { items: { code: string | null }[] };
      expect(items.map(({ code }) => code)).toEqual([refused ?? null]);
    }
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

  it('has left rows in the audit log that the document describes whole, down to what each says of before and after', async () => {
    const operation = operations.find(({ name }) => name === 'GET /api/admin/audit')!;
    const checks = new AnswerChecks(document);
    const headers = bearerOf(await t.token('root'));
    const seen = new Set<string>();
    for (let path: string | undefined = '/api/admin/audit?limit=100'; path !== undefined;) {
      const answer = await send(t.url, { method: 'GET', path, headers });
      expect(checks.faultsOf(operation, answer, { path })).toEqual([]);
      for (const row of parse(answer.text) as { action: string; before: object | null; after: object | null }[])
        if (row.before !== null || row.after !== null) seen.add(row.action);
      path = /<([^>]+)>; rel="next"/.exec(String(answer.headers.link))?.[1];
    }
    expect(seen.size).toBeGreaterThan(30);
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
            const answer = await send(t.url, {
              ...variant,
              headers: { ...headers, ...json, ...bearerOf(await tokens[identity](project)) },
              body,
            });
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
        const isAllowed = row.expected[identity].startsWith('2');
        const { id, second, query } = (await row.prepare?.({ t, victim, project, elsewhere, isAllowed }, identity)) ?? {};
        const template = name.split(' ')[1] ?? '';
        const path = filled(template, id, second) + (query ?? row.query ?? '');
        const token = await tokens[identity](placeOf(template, id));
        const answer = await send(t.url, { method: 'HEAD', path, headers: bearerOf(token) });
        expect([name, identity, String(answer.status), answer.text]).toEqual([name, identity, row.expected[identity].split(' ', 1)[0], '']);
      }
    }
  });

  it('answers a stranger about a foreign id as about an absent one, whatever the words of the route', async () => {
    for (const [name, row] of Object.entries(MATRIX).filter(([, { expected }]) => expected.other === '404 not_found')) {
      const [method = '', template = ''] = name.split(' ');
      const { id = '', second, query, body } = (await row.prepare?.({ t, victim, project, elsewhere, isAllowed: false }, 'other')) ?? {};
      const named = name.endsWith('(in a project)') ? project : id;
      const headers = {
        ...bearerOf(await tokens.other(project)),
        'X-Request-Id': 'same',
        ...(body ? { 'Content-Type': 'application/json' } : {}),
      };
      const [foreign, absent] = await Promise.all(
        [named, UNKNOWN_ID].map(async (each) => {
          const path = (filled(template, id, second) + (query ?? row.query ?? '')).replaceAll(named, each);
          const text = body && JSON.stringify(body).replaceAll(named, each);
          const answer = await send(t.url, { method, path, headers, ...(text ? { body: text } : {}) });
          return [answer.status, answer.text.replaceAll(each, '{id}')];
        }),
      );
      expect([name, foreign]).toEqual([name, absent]);
    }
  });
});

/**
 * Everything that calls could change, except for what changes by itself: heartbeats, and what other rows have just deleted, or that the
 * background may remove at any moment.
 */
const footprint = async ({ dataSource }: TestApp): Promise<unknown> =>
  dataSource.query(
    `SELECT (SELECT json_agg(json_build_array(id, name, generation, target_replicas, deleted_at) ORDER BY id) FROM deployments
              WHERE purge_at IS NULL OR purge_at > now()) AS deployments,
            (SELECT json_agg(json_build_array(id, status, version) ORDER BY id) FROM deployments WHERE name = 'victim') AS victim,
            (SELECT count(*) FROM deployment_status_history WHERE changed_by IS NOT NULL) AS changes,
            (SELECT json_agg(json_build_array(id, labels, cordoned, draining, removed_at) ORDER BY id) FROM nodes) AS nodes,
            (SELECT json_agg(json_build_array(id, email, is_active, is_admin, password_hash) ORDER BY id) FROM users) AS users,
            (SELECT json_agg(json_build_array(id, revoked_at) ORDER BY id) FROM api_tokens) AS tokens,
            (SELECT json_agg(json_build_array(user_id, by_mail, token_hash, expires_at) ORDER BY user_id, by_mail)
               FROM password_links) AS links,
            (SELECT json_agg(json_build_array(id, name, description, version, quota, deleted_at) ORDER BY id) FROM projects) AS projects,
            (SELECT json_agg(json_build_array(project_id, user_id, role) ORDER BY project_id, user_id) FROM project_members) AS members,
            (SELECT json_agg(json_build_array(project_id, group_name, role) ORDER BY project_id, group_name)
               FROM project_groups) AS groups,
            (SELECT json_agg(json_build_array(project_id, name, version) ORDER BY project_id, name) FROM project_secrets) AS secrets,
            (SELECT json_agg(json_build_array(id, name, server, username, version) ORDER BY id) FROM registries) AS registries,
            (SELECT json_agg(json_build_array(id, name, size_gb) ORDER BY id) FROM volumes WHERE removing_since IS NULL) AS volumes,
            (SELECT json_agg(json_build_array(id, selector, value, days) ORDER BY id) FROM retention_policies) AS policies,
            (SELECT count(*) FROM subscriptions) AS subscriptions,
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
