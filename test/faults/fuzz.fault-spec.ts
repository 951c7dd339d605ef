import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { deployed } from '../support/deployments';
import { fuzz } from '../support/fuzz-run';
import { readOpenApi, send, type Operation, type WireAnswer } from '../support/openapi-client';
import { AnswerChecks } from '../support/openapi-client-checks';
import { bearerOf } from '../support/openapi-client-identities';
import { MailServer } from '../support/mail-server';
import { startTestApp, type TestApp } from '../support/test-app';
import { WebhookReceiver } from '../support/webhook-receiver';

const CASES = Number(process.env.FUZZ_CASES ?? 1_500);
/** The same seed every time, so that a failure comes from a change of the code. `FUZZ_SEED=random` looks for new faults. */
const SEED = process.env.FUZZ_SEED === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(process.env.FUZZ_SEED ?? 20_261_122);

type HostileBody = [name: string, body: string | Buffer, headers: Record<string, string>];

describe('requests made from the OpenAPI document', () => {
  let t: TestApp;
  let hooks: WebhookReceiver;
  let mail: MailServer;
  beforeAll(async () => {
    [hooks, mail] = await Promise.all([WebhookReceiver.start(), MailServer.start()]);
    t = await startTestApp({
      env: {
        ...{ STOP_GRACE_SECONDS: '0', LOGIN_MAX_FAILURES: '1000', BULK_DELETE_MAX_SHARE_PERCENT: '0', BULK_DELETE_ALWAYS_ALLOWED: '1' },
        ...{ MAX_OPEN_OPERATIONS_PER_USER: '0', MAX_OPERATION_ITEMS_PER_USER: '0' },
        ACCESS_TOKEN_SECONDS: '7200',
        // Nothing listens there.
        ALLOWED_REGISTRIES: '127.0.0.1:1',
        // Webhooks and e-mails reach only these two on this machine.
        ...{ WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1', SMTP_URL: mail.url, SMTP_FROM: 'fog@test.invalid' },
      },
    });
  });
  afterAll(async () => {
    await t?.close();
    await Promise.all([hooks?.close(), mail?.close()]);
  });

  it(
    'get answers that keep every promise of the document, whatever is sent',
    async () => {
      const report = await fuzz(t, { cases: CASES, seed: SEED, hook: hooks.url('/fuzz') });
      const repeat = `repeat with FUZZ_SEED=${String(SEED)} FUZZ_CASES=${String(CASES)}`;
      if (process.env.FUZZ_CASES !== undefined) process.stderr.write(`${JSON.stringify({ ...report, faults: report.faults.length })}\n`);
      expect({ repeat, faults: report.faults }).toEqual({ repeat, faults: [] });
      // A run that never succeeds proves nothing.
      expect({ repeat, unreached: report.unreached }).toEqual({ repeat, unreached: [] });
      await t.http.get('/health/ready').expect(200);
      expect(Reflect.get({}, 'polluted')).toBeUndefined();
    },
    CASES * 600 + 120_000,
  );

  it('found that half a surrogate pair as an address of mail was a 500', async () => {
    const headers = { 'Content-Type': 'application/json' };
    for (const email of ['\\ud800', 'a@\\udfff.org', '\\ud800@example.org']) {
      const body = `{"username":"half","email":"${email}","password":"Correct-Horse-7"}`;
      const answer = await send(t.url, { method: 'POST', path: '/api/auth/register', headers, body });
      expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('"pointer":"/email"')]);
    }
  });

  describe('the checks themselves', () => {
    let checks: AnswerChecks;
    let status: Operation;
    let good: WireAnswer;
    let path: string;
    beforeAll(async () => {
      const { document, operations } = await readOpenApi(t.url);
      checks = new AnswerChecks(document);
      status = operations.find(({ name }) => name === 'GET /api/deployment/status/{deployment_id}')!;
      // What was sent before may have filled or cordoned every node.
      const room = { name: 'room-for-checks', region: 'us-east', runtime: 'simulated', cpu_cores: 4, memory_mb: 4_096, storage_gb: 100 };
      await t.as('root', { admin: true }).post('/api/nodes').send(room).expect(201);
      path = `/api/deployment/status/${await deployed(t, 'checked')}`;
      good = await send(t.url, { method: 'GET', path, headers: bearerOf(await t.token('checked')) });
    });
    const faults = (change: Partial<WireAnswer>) => checks.faultsOf(status, { ...good, ...change }, { path, maxMs: 8_000 });
    const body = (change: Record<string, unknown>) => ({ text: JSON.stringify({ ...(JSON.parse(good.text) as object), ...change }) });
    const problem = (change: Record<string, unknown>) => ({
      status: 404,
      headers: { 'content-type': 'application/problem+json; charset=utf-8', 'x-request-id': 'a' },
      text: JSON.stringify({
        type: 'urn:fog-compute:problem:not_found',
        title: 'x',
        status: 404,
        detail: 'x',
        instance: path,
        code: 'not_found',
        request_id: 'a',
        ...change,
      }),
    });

    it('find nothing in a good answer and a good problem', () => {
      expect([faults({}), faults(problem({}))]).toEqual([[], []]);
    });

    it.each<[string, () => Partial<WireAnswer>]>([
      ['a 500', () => ({ status: 500 })],
      ['an undocumented status', () => ({ status: 206 })],
      ['another content type', () => ({ headers: { ...good.headers, 'content-type': 'text/html' } })],
      ['no request id', () => ({ headers: { ...good.headers, 'x-request-id': undefined } })],
      ['a missing member', () => body({ name: undefined })],
      ['a member too many', () => body({ env: { A: 'secret' } })],
      ['a member too many further in', () => body({ resources: { cpu_cores: 1, memory_mb: 1, gpu_units: 0, storage_gb: 1, node: 'x' } })],
      ['null where there is none', () => body({ name: null })],
      ['text for a number', () => body({ target_replicas: '1' })],
      ['a status that is not in the list', () => body({ status: 'Running' })],
      ['a time without a zone', () => body({ created_at: '2026-01-01 00:00:00' })],
      ['SQL', () => body({ name: 'SELECT id FROM deployments' })],
      ['a stack', () => body({ name: 'at x (/app/dist/main.js:12:3)' })],
      ['a slow answer', () => ({ ms: 60_000 })],
      ['a problem with another status', () => problem({ status: 400 })],
      ['a problem with another request id', () => problem({ request_id: 'b' })],
      ['a problem with another instance', () => problem({ instance: '/' })],
      [
        'a problem with a code that the route does not name',
        () => problem({ code: 'node_in_use', type: 'urn:fog-compute:problem:node_in_use' }),
      ],
      ['a problem with a member that no code has', () => problem({ query: 'x' })],
      ['a problem without a detail', () => problem({ detail: undefined })],
    ])('find %s', (_name, change) => {
      expect(faults(change())).not.toEqual([]);
    });
  });

  describe('a hostile body', () => {
    const inside = (value: string): string =>
      `{"name":"web","type":"compute","container_image":"nginx","resources":{"cpu":1,"memory":512},"labels":${value}}`;
    const BODIES: HostileBody[] = [
      ['3,000 nested arrays', '['.repeat(3_000) + ']'.repeat(3_000), {}],
      ['3,000 nested arrays in a good body', inside('['.repeat(3_000) + ']'.repeat(3_000)), {}],
      ['80,000 empty objects', `[${'{},'.repeat(80_000)}{}]`, {}],
      ['80,000 empty objects in a good body', inside(`[${'{},'.repeat(80_000)}{}]`), {}],
      ['20,000 keys', `{${Array.from({ length: 20_000 }, (_u, n) => `"k${String(n)}":1`).join(',')}}`, {}],
      ['one key 20,000 times', `{${Array.from({ length: 20_000 }, () => '"k":1').join(',')}}`, {}],
      ['a text of 250,000 escapes', `{"name":"${'\\n'.repeat(125_000)}"}`, {}],
      ['a text of 250,000 surrogates', `{"name":"${'\\ud800'.repeat(42_000)}"}`, {}],
      ['a number of 250,000 digits', `{"replicas":${'9'.repeat(250_000)}}`, {}],
      ['250,000 spaces', `{${' '.repeat(250_000)}}`, {}],
      ['a name that backtracks', `{"name":"${'a-'.repeat(100_000)}!"}`, {}],
      ['an image that backtracks', `{"container_image":"${'a/'.repeat(100_000)}A"}`, {}],
      ['a gzip bomb', gzipSync(Buffer.alloc(50_000_000)), { 'Content-Encoding': 'gzip' }],
    ];

    it.each<HostileBody>(BODIES)('%s is refused at once, in few words, and holds up nobody', async (_name, body, extra) => {
      const headers = { 'Content-Type': 'application/json', ...extra, ...bearerOf(await t.token('ada')) };
      let answer: WireAnswer | undefined;
      let blockedMs = Infinity;
      // Other tests use the two cores too, so the best of ten shows what the body itself costs.
      for (let attempt = 0; attempt < 10 && blockedMs >= 60; attempt++) {
        const delay = monitorEventLoopDelay({ resolution: 5 });
        await sleep(30); // keeps earlier work out of the measurement
        delay.enable();
        answer = await send(t.url, { method: 'POST', path: '/api/deployment/deploy', headers, body });
        await sleep(10); // the monitor takes a sample every 5 ms
        delay.disable();
        blockedMs = Math.min(blockedMs, delay.max / 1e6);
      }
      expect([400, 413, 415, 422]).toContain(answer?.status);
      expect(answer?.text.length).toBeLessThan(4_096);
      expect(blockedMs).toBeLessThan(60);
    });
  });
});
