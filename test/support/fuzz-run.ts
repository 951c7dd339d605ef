import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { ENV_MARK, FORBIDDEN_TARGETS } from './fuzz-fields';
import { fuzzRequests, type FuzzIdentity, type FuzzRequest } from './fuzz-requests';
import { aUser } from './auth-users';
import { readOpenApi, send, type WireAnswer } from './openapi-client';
import { AnswerChecks, parse } from './openapi-client-checks';
import { bearerOf, inactiveToken, newSession } from './openapi-client-identities';
import { change } from './changes';
import { deployed, statusOf } from './deployments';
import { aStranger, untilListed } from './orphans';
import { aDeployment, aNode, aPlacedReplica, insertRow } from './rows';
import type { TestApp } from './test-app';
import { until } from './until';

const AT_A_TIME = 4;
const BATCH = 100;
/** Long enough for two cores that also hash passwords and check answers, and short enough to find a body that costs seconds. */
const MAX_MS = 8_000;
const SESSIONS: readonly FuzzIdentity[] = ['ada', 'bob', 'root'];
/** The number of deployments on a silent node; each can be force-released once. */
const SILENT = 12;
const ROLLING = 3;
const ORPHANS = 6;
const REPLENISHED = 3;
const WISH = { type: 'compute', container_image: 'nginx:1.27', replicas: 1, resources: { cpu: 0.5, memory: 512 } };
const ABSENT_ID = '00000000-0000-4000-8000-000000000000';

export interface FuzzReport {
  readonly cases: number;
  readonly seed: number;
  /** Each kind of fault once, with the first request that caused it. */
  readonly faults: string[];
  readonly statuses: Readonly<Record<string, number>>;
  /** Operations that never succeeded, so they were not tested. */
  readonly unreached: string[];
}

/**
 * Sends `cases` generated requests, or more until every operation has succeeded, and compares each answer with the document.
 * The same seed sends the same requests. `hook` is the only address that webhooks may have.
 */
export async function fuzz(t: TestApp, { cases, seed, hook }: { cases: number; seed: number; hook: string }): Promise<FuzzReport> {
  const { document, operations } = await readOpenApi(t.url);
  const run = new FuzzRun(t, new AnswerChecks(document));
  await run.prepare(hook);
  const requests = fuzzRequests(document, operations);
  const unreached = () => operations.filter(({ name }) => !run.reached.has(name) && !NEVER_SUCCEED.has(name));
  let sent = 0;
  for (; sent < cases || (unreached().length > 0 && sent < 30 * cases); sent += BATCH) {
    // Towards the end every second batch goes to operations that have not succeeded; the others make what those may need.
    const isForMissing = sent >= cases && (sent / BATCH) % 2 === 0;
    if (sent % (5 * BATCH) === 0) await run.replenish();
    const batch = fc.sample(isForMissing ? fuzzRequests(document, unreached()) : requests, { seed: seed + sent, numRuns: BATCH });
    const workers = Array.from({ length: AT_A_TIME }, async () => {
      for (let next = batch.shift(); next; next = batch.shift()) await run.one(next);
    });
    await Promise.all(workers);
  }
  return {
    cases: sent,
    seed,
    faults: [...run.faults.values()],
    statuses: Object.fromEntries([...run.statuses].sort()),
    unreached: unreached().map(({ name }) => name),
  };
}

/** The ids of the items of a bulk operation in this state. */
const itemsOf = (value: Record<string, unknown> | undefined, state: string): string[] =>
  (Array.isArray(value?.items) ? (value.items as Record<string, unknown>[]) : []).flatMap((item) =>
    item.state === state && typeof item.deployment_id === 'string' ? [item.deployment_id] : [],
  );

/** There is no step of the clock to confirm; and the other requests delete the deployments whose containers could be adopted. */
const NEVER_SUCCEED = new Set([
  ...['POST /api/admin/clock/confirm', 'POST /api/admin/orphans/{id}/adopt'],
  // They would end the sessions of the run, or need a link that only an e-mail or an administrator's answer has.
  ...['POST /api/auth/password', 'POST /api/auth/password-reset/confirm'],
  // Nodes are simulated here, and no request knows the join token of another kind.
  ...['POST /api/nodes/{id}/join-token', 'POST /api/agents/join'],
  // All ids of a path are the same here, and no project is a user.
  ...['PUT /api/projects/{id}/members/{user_id}', 'DELETE /api/projects/{id}/members/{user_id}'],
]);

/** The state that requests share: ids, cursors and tokens from earlier answers, and the users. */
class FuzzRun {
  readonly faults = new Map<string, string>();
  readonly statuses = new Map<string, number>();
  readonly reached = new Set<string>();
  private readonly pools = new Map<string, string[]>();
  private readonly tokens = new Map<FuzzIdentity, string | null>();

  constructor(
    private readonly t: TestApp,
    private readonly checks: AnswerChecks,
  ) {}

  async prepare(hook: string): Promise<void> {
    const { t } = this;
    await t.token('root', { admin: true });
    for (const name of SESSIONS) this.tokens.set(name, await newSession(t, name));
    this.tokens.set('reader', await t.token('reader', { readOnly: true }));
    this.tokens.set('inactive', await inactiveToken(t, 'inactive'));
    this.tokens.set('nobody', null);
    this.tokens.set('forged', 'eyJhbGciOiJub25lIn0.e30.');
    this.harvest('refresh', (await aUser(t, 'regular')).refreshToken);
    this.harvest('user', await t.userId('bystander'));
    this.harvest('name', 'fuzzed');
    const { body } = await t.as('root', { admin: true }).get('/api/nodes').expect(200);
    this.harvest('node', (body as { id: string }[])[0]?.id);
    this.harvest('hook', hook);
    for (let n = 0; n < SILENT; n++) this.harvest('silent', await this.onSilentNode());
    await this.prepareRollouts();
    await this.prepareOrphans();
    await this.prepareRest(hook);
  }

  /** Makes one of each thing that needs several steps, which chance alone would take thousands of requests to make. */
  private async prepareRest(hook: string): Promise<void> {
    const ada = newAgent(this.t, this.tokens.get('ada'));
    const root = newAgent(this.t, this.tokens.get('root'));
    const policy = await root('POST', '/api/admin/retention-policies', { selector: 'label', value: 'fuzz=er', days: 9 });
    this.harvest('policy', policy.id);
    this.harvest('operation', (await ada('POST', '/api/deployment/bulk-delete', { ids: [ABSENT_ID] })).operation_id);
    await this.confirmAddresses();
    this.harvest('email', (await ada('POST', '/api/notifications/emails', { event_types: ['fog.notification.test'] })).id);
    const aWebhook = async () =>
      (await ada('POST', '/api/notifications/webhooks', { url: hook, event_types: ['fog.notification.test'] })).id;
    this.harvest('webhook', await aWebhook());
    // The requests never learn this id, so none of them removes the webhook, and its delivery stays.
    const kept = String(await aWebhook());
    await ada('POST', `/api/notifications/webhooks/${kept}/test`);
    await until(async () => {
      const { deliveries } = await ada('GET', `/api/notifications/webhooks/${kept}/deliveries`);
      const [delivery] = deliveries as { id: string; state: string }[];
      if (delivery?.state === 'delivered') this.harvest('delivery', delivery.id);
      return delivery?.state === 'delivered';
    });
  }

  /** Running deployments, some of them in the middle of a rollout that nothing ends by itself. */
  private async prepareRollouts(): Promise<void> {
    const ada = newAgent(this.t, this.tokens.get('ada'));
    const rollout = { min_healthy_seconds: 600, progress_deadline_seconds: 3_000 };
    for (const pool of ['restart', 'pause', 'abort', 'resume']) {
      for (let n = 0; n < ROLLING; n++) {
        const id = await deployed(this.t, 'ada', { rollout });
        if (pool !== 'restart') await change(this.t, 'ada', id, { container_image: 'nginx:1.28' }).expect(202);
        if (pool === 'resume') await ada('POST', `/api/deployment/${id}/rollout/pause`);
        this.harvest(pool, id);
      }
    }
  }

  /** What other requests use up or delete, and few that are made by chance replace. */
  async replenish(): Promise<void> {
    const ada = newAgent(this.t, this.tokens.get('ada'));
    // The other requests delete these faster than they make them, and may have used up how many there may be.
    const spare = async (path: string, body: object): Promise<unknown> => (await ada('POST', path, body).catch(() => null))?.id;
    const project = await spare('/api/projects', { name: `fresh-${randomUUID()}` });
    if (typeof project === 'string') await this.leaveVolume(project).catch(() => undefined);
    this.harvest('project', project);
    await this.confirmAddresses();
    // By hand, since there may be only few, and those that are there are switched off or have not been named for long.
    this.harvest('email', await insertRow(this.t.dataSource, 'subscriptions', { user_id: await this.t.userId('ada'), kind: 'email' }));
    for (let n = 0; n < REPLENISHED; n++) {
      const { deployment_id: id } = await ada('POST', '/api/deployment/deploy', { ...WISH, name: `fresh-${randomUUID()}` });
      this.harvest('deployment', id);
      this.harvest('scale', id);
      if (n > 0) continue;
      // Where nothing runs yet, the new revision is the current one at once, and there is one to go back to.
      await ada('PATCH', `/api/deployment/${String(id)}`, { env: { CHANGED: 'yes' } });
      this.harvest('rollback', id);
    }
  }

  /** Other requests change addresses, which are to be confirmed anew then. */
  private async confirmAddresses(): Promise<void> {
    await this.t.dataSource.query(
      `INSERT INTO confirmed_addresses (user_id, email) SELECT id, email FROM users WHERE email IS NOT NULL ON CONFLICT DO NOTHING`,
    );
  }

  /** Leaves a volume in the project that nothing mounts. It is named like the project, as all ids of a path are the same here. */
  private async leaveVolume(project: string): Promise<void> {
    const ada = newAgent(this.t, this.tokens.get('ada'));
    const { deployment_id: id } = await ada('POST', '/api/deployment/deploy', {
      ...WISH,
      name: `fresh-${randomUUID()}`,
      project,
      volumes: [{ name: project, path: '/data', size_gb: 1 }],
    });
    await ada('PATCH', `/api/deployment/${String(id)}`, { volumes: [] });
    await ada('DELETE', `/api/deployment/${String(id)}?wait=0`);
  }

  /** Containers that no replica stands for: some of deployments that run, and some on nodes that do not answer. */
  private async prepareOrphans(): Promise<void> {
    const { dataSource } = this.t;
    const strangers: string[] = [];
    for (let n = 0; n < ORPHANS; n++) {
      const id = await deployed(this.t, 'ada');
      const [replica] = (await statusOf(this.t, 'ada', id)).replicas;
      strangers.push(await aStranger(dataSource, replica?.id ?? ''));
      const node_id = await aNode(dataSource, { cordoned: true, last_heartbeat: new Date(0) });
      await insertRow(dataSource, 'simulated_node_faults', { node_id });
      const names = { subject: randomUUID(), replica_id: randomUUID() };
      this.harvest('orphan', await insertRow(dataSource, 'orphans', { kind: 'container', sightings: 2, node_id, ...names }));
    }
    for (const stranger of strangers) this.harvest('adoptable', (await untilListed(this.t, stranger)).id);
  }

  /** Inserts a deployment that waits for a node without an answer, which no request of the API can make. */
  private async onSilentNode(): Promise<string> {
    const { dataSource } = this.t;
    const deletedAt = new Date();
    const user_id = await this.t.userId('ada');
    const id = await aDeployment(dataSource, { user_id, status: 'deleted', deleted_at: deletedAt });
    const node_id = await aNode(dataSource, { cordoned: true, last_heartbeat: new Date(0) });
    await insertRow(dataSource, 'simulated_node_faults', { node_id });
    await aPlacedReplica(dataSource, { deployment_id: id, node_id, status: 'stopping' });
    await dataSource.query(`UPDATE deletions SET completed_at = NULL WHERE deployment_id = $1`, [id]);
    return id;
  }

  async one(request: FuzzRequest): Promise<void> {
    const { operation } = request;
    const path = this.filled(request.path);
    const body = typeof request.body === 'string' ? this.filled(request.body) : request.body;
    const headers = { ...request.headers, ...bearerOf(await this.tokenOf(request)) };
    let answer: WireAnswer;
    try {
      answer = await send(this.t.url, { method: operation.method, path, headers, body });
    } catch (error) {
      this.note(request, path, `no answer: ${String(error)}`);
      return;
    }
    const given = request.headers['X-Request-Id'];
    const asked = { path, ...(typeof given === 'string' ? { requestId: given } : {}), maxMs: MAX_MS };
    for (const fault of [...this.checks.faultsOf(operation, answer, asked), ...trespasses(request, answer, body)])
      this.note(request, path, fault, answer);
    const status = String(answer.status);
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (answer.status >= 300) return;
    await this.learn(request, answer);
    const key = request.headers['Idempotency-Key'];
    if (typeof key === 'string' && /^key-/.test(key) && /POST|DELETE/.test(operation.method) && !/logout$|preview$/.test(operation.path)) {
      const again = await send(this.t.url, { method: operation.method, path, headers, body });
      if (again.text !== answer.text || again.status !== answer.status) this.note(request, path, 'the same key gave another answer', again);
    }
  }

  /** A log-out uses a session of its own, because other requests are under way in the shared one. */
  private async tokenOf({ operation, identity }: FuzzRequest): Promise<string | null> {
    const shared = this.tokens.get(identity) ?? null;
    return operation.path.endsWith('/logout') && SESSIONS.includes(identity) ? newSession(this.t, identity) : shared;
  }

  /** Keeps values of the answer for later requests. */
  private async learn({ operation, headers, body }: FuzzRequest, { status, text, headers: got }: WireAnswer): Promise<void> {
    this.reached.add(operation.name);
    const value = parse(text) as Record<string, unknown> | undefined;
    const link = String(got.link ?? '');
    for (const [, cursor = ''] of link.matchAll(/cursor=([^&>]+)/g)) this.harvest('cursor', cursor);
    switch (operation.name) {
      case 'POST /api/deployment/deploy':
        this.harvest('deployment', value?.deployment_id);
        this.harvest('scale', value?.deployment_id);
        if (status === 202 && headers['Idempotency-Key'] === undefined) await this.compare(String(value?.deployment_id), body);
        break;
      case 'POST /api/deployment/{deployment_id}/stop':
        this.harvest('start', value?.deployment_id);
        break;
      case 'GET /api/deployment/status/{deployment_id}':
        if (value?.status === 'failed') this.harvest('retry', value.deployment_id);
        if (value?.status === 'running') this.harvest('scale', value.deployment_id);
        break;
      case 'DELETE /api/deployment/{deployment_id}':
        if (value?.dry_run !== true) this.harvest('deleted', value?.deployment_id);
        break;
      case 'POST /api/deployment/bulk-deploy':
        this.harvest('operation', value?.operation_id);
        await this.clearAway(itemsOf(value, 'created'));
        break;
      case 'POST /api/deployment/bulk-delete':
      case 'GET /api/operations/{id}':
        this.harvest(value?.status === 'waiting_for_confirmation' ? 'waiting' : 'operation', value?.operation_id);
        for (const id of itemsOf(value, 'deleted')) this.harvest('deleted', id);
        break;
      case 'POST /api/admin/retention-policies':
        this.harvest('policy', value?.id);
        break;
      case 'POST /api/notifications/webhooks':
        this.harvest('webhook', value?.id);
        break;
      case 'POST /api/notifications/emails':
        this.harvest('email', value?.id);
        break;
      case 'GET /api/notifications/webhooks/{id}/deliveries':
      case 'GET /api/notifications/emails/{id}/deliveries':
        for (const delivery of (value?.deliveries ?? []) as Record<string, unknown>[])
          if (delivery.state !== 'pending') this.harvest('delivery', delivery.id);
        this.harvest('cursor', value?.next_cursor);
        break;
      case 'POST /api/nodes':
        this.harvest('node', value?.id);
        break;
      case 'POST /api/projects':
        this.harvest('project', value?.id);
        break;
      case 'POST /api/auth/register':
        this.harvest('user', value?.id);
        break;
      case 'POST /api/auth/tokens':
        this.harvest('token', value?.id);
        break;
      case 'POST /api/auth/login':
      case 'POST /api/auth/refresh':
        this.harvest('refresh', value?.refresh_token);
        break;
    }
  }

  /** Deletes what one request has made in numbers, or the nodes would soon have no room for what the others are about. */
  private async clearAway(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const { status } = await this.t.as('root', { admin: true }).delete(`/api/deployment/${id}?wait=0`);
      if (status < 300) this.harvest('deleted', id);
    }
  }

  /** Checks that what was accepted is shown unchanged, character for character. */
  private async compare(id: string, sent: string | Buffer | undefined): Promise<void> {
    const wish = parse(String(sent)) as Record<string, unknown>;
    const { body } = await this.t.as('root', { admin: true }).get(`/api/deployment/${id}?include_deleted=true`).expect(200);
    const shown = body as Record<string, unknown>;
    for (const field of ['name', 'type', 'container_image', 'command', 'labels', 'region']) {
      const before = JSON.stringify(sorted(wish[field]));
      if (before !== undefined && before !== JSON.stringify(sorted(shown[field])))
        this.faults.set(`stored ${field}`, `${field} was sent as ${before} and is shown as ${JSON.stringify(shown[field])}`);
    }
  }

  private note({ operation, identity, headers, body }: FuzzRequest, path: string, fault: string, answer?: WireAnswer): void {
    const kind = `${operation.name}: ${fault}`;
    if (this.faults.has(kind)) return;
    const shown = JSON.stringify({ path: path.slice(0, 300), identity, headers, body: body?.toString().slice(0, 600) });
    this.faults.set(
      kind,
      `${kind}\n    sent ${shown}\n    got  ${answer ? `${String(answer.status)} ${answer.text.slice(0, 300)}` : 'nothing'}`,
    );
  }

  private harvest(pool: string, value: unknown): void {
    if (typeof value !== 'string') return;
    const known = (this.pools.get(pool) ?? []).filter((other) => other !== value);
    this.pools.set(pool, [value, ...known].slice(0, 60));
  }

  private filled(text: string): string {
    return text.replaceAll(/\{\{(\w+):(\d+)\}\}/g, (_all, pool: string, n: string) => {
      const known = this.pools.get(pool) ?? [];
      return known[Number(n) % Math.max(1, known.length)] ?? ABSENT_ID;
    });
  }
}

const newAgent =
  ({ url }: TestApp, token: string | null | undefined) =>
  async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const headers = { ...bearerOf(token ?? null), ...(body ? { 'Content-Type': 'application/json' } : {}) };
    const { status, text } = await send(url, { method, path, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    if (status >= 300) throw new Error(`${method} ${path} answered ${String(status)}: ${text}`);
    return (parse(text) ?? {}) as Record<string, unknown>;
  };

/** Checks that no caller gets what belongs to another user, whatever the request looks like, and that no secret is shown. */
function trespasses({ operation, identity }: FuzzRequest, { status, text }: WireAnswer, body: string | Buffer | undefined): string[] {
  const isStranger = identity === 'nobody' || identity === 'forged' || identity === 'inactive';
  return [
    ...(isStranger && !operation.isPublic && status < 400 ? [`${identity} got ${String(status)}`] : []),
    ...(identity === 'reader' && !operation.isPublic && operation.method !== 'GET' && !operation.path.endsWith('preview') && status < 400
      ? ['a read-only token could write']
      : []),
    ...(status < 400 && operation.name.includes('webhooks') && targetsOf(body).some((url) => FORBIDDEN_TARGETS.includes(url))
      ? ['a webhook may go to a forbidden place']
      : []),
    ...(text.includes(ENV_MARK) ? ['an environment value came back'] : []),
  ];
}

const targetsOf = (body: string | Buffer | undefined): string[] => {
  const wish = typeof body === 'string' ? (parse(body) as { url?: unknown } | null | undefined) : undefined;
  return typeof wish?.url === 'string' ? [wish.url] : [];
};

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : value;
