import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuditSeal } from '../../src/audit/audit-seal';
import { RIGHTS_BEAT_MS } from '../../src/common/rights-beat';
import { aUser, PASSWORD } from '../support/auth-users';
import { aSpec, deployed, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Row {
  id: string;
  at: string;
  actor_id: string | null;
  actor_name: string | null;
  action: string;
  resource_id: string | null;
  outcome: string;
  code: string | null;
  after: Record<string, unknown> | null;
  position: string | null;
  hash: string | null;
}

const SECRET = 'CANARY-audit-7';

describe('the audit log', () => {
  let t: TestApp;
  const logged: string[] = [];
  const logStream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', LOGIN_MAX_FAILURES: '3', LOG_LEVEL: 'info' }, logStream });
    await t.token('root', { admin: true });
    await t.token('ada');
  });
  afterAll(() => t?.close());

  const root = () => t.as('root', { admin: true });
  const read = async (query: Record<string, string>): Promise<Row[]> =>
    (
      await root()
        .get('/api/admin/audit')
        .query({ limit: '100', ...query })
        .expect(200)
    ).body as Row[];
  const count = async (): Promise<number> => (await t.dataSource.query<[{ n: number }]>(`SELECT count(*)::int AS n FROM audit_log`))[0].n;

  it('says who did what on what, from where, with before and after', async () => {
    const id = await deployed(t, 'ada', { env: { PASSWORD: SECRET }, command: ['run', `--token=${SECRET}`], labels: { app: 'web' } });
    await t.as('ada').post(`/api/deployment/scale/${id}`).set('X-Request-Id', 'scale-1').send({ replicas: 2 }).expect(200);
    const [{ sid }] = await t.dataSource.query<[{ sid: string }]>(`SELECT id AS sid FROM sessions WHERE user_id = $1`, [
      await t.userId('ada'),
    ]);
    expect(await read({ request_id: 'scale-1' })).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        actor_id: await t.userId('ada'),
        actor_name: 'ada',
        via: 'session',
        credential_id: sid,
        address: '127.0.0.1',
        action: 'deployment.scale',
        resource_type: 'deployment',
        resource_id: id,
        outcome: 'done',
        code: null,
        request_id: 'scale-1',
        before: { replicas: 1 },
        after: { replicas: 2 },
        position: null,
        hash: null,
      },
    ]);
    const [first] = await read({ resource_id: id, action: 'deployment.deploy' });
    expect(first?.after).toMatchObject({ replicas: 1, labels: { app: 'web' }, env_names: ['PASSWORD'] });
    const [{ text }] = await t.dataSource.query<[{ text: string }]>(`SELECT string_agg(a::text, ' ') AS text FROM audit_log AS a`);
    expect(text).not.toContain('CANARY');
  });

  it('leaves no row for what is only asked, and none for strangers and addresses that do not exist', async () => {
    const before = await count();
    await t.as('ada').get('/api/deployment/list').expect(200);
    await t.as('ada').get(`/api/deployment/${UNKNOWN_ID}`).expect(404);
    await t.as('ada').post('/api/deployment/deploy?dry_run=true').send(aSpec()).expect(200);
    await t.as('ada').post('/api/nothing/here').expect(404);
    await t.http.post('/api/deployment/deploy').send(aSpec()).expect(401);
    expect(await count()).toBe(before);
  });

  it('shows what was refused, with the code of the refusal', async () => {
    const refuse = async (id: string, send: (agent: ReturnType<TestApp['as']>) => PromiseLike<unknown>): Promise<unknown[]> => {
      await send(t.as('ada').set('X-Request-Id', id));
      return (await read({ request_id: id })).map(({ actor_name, action, resource_id, outcome, code }) => [
        actor_name,
        action,
        resource_id,
        outcome,
        code,
      ]);
    };
    expect(await refuse('r-404', (agent) => agent.delete(`/api/deployment/${UNKNOWN_ID}`).expect(404))).toEqual([
      ['ada', 'deployment.delete', UNKNOWN_ID, 'refused', 'not_found'],
    ]);
    expect(await refuse('r-403', (agent) => agent.post('/api/nodes').send({}).expect(403))).toEqual([
      ['ada', 'node.register', null, 'refused', 'admin_required'],
    ]);
    expect(await refuse('r-422', (agent) => agent.post('/api/deployment/deploy').send({ name: SECRET }).expect(422))).toEqual([
      ['ada', 'deployment.deploy', null, 'refused', 'validation_failed'],
    ]);
  });

  it('shows failed log-ins by the id of the user, or by the name that was given when there is none; never a password', async () => {
    const { id, username } = await aUser(t, 'grace');
    const wrong = { password: `${SECRET}-Wrong` };
    for (let n = 0; n < 3; n++)
      await t.http
        .post('/api/auth/login')
        .set('X-Request-Id', 'wrong-1')
        .send({ username, ...wrong })
        .expect(401);
    await t.http.post('/api/auth/login').set('X-Request-Id', 'wrong-1').send({ username, password: PASSWORD }).expect(423);
    expect((await read({ request_id: 'wrong-1' })).map((row) => [row.resource_id, row.code, row.after])).toEqual([
      [id, 'account_locked', null],
      ...Array.from({ length: 3 }, () => [id, 'bad_credentials', null]),
    ]);
    await t.http
      .post('/api/auth/login')
      .set('X-Request-Id', 'wrong-2')
      .send({ username: `Nobody "x" ${'y'.repeat(80)}`, ...wrong })
      .expect(401);
    expect((await read({ request_id: 'wrong-2' })).map((row) => [row.actor_id, row.resource_id, row.after])).toEqual([
      [null, null, { username_given: `nobody??x??${'y'.repeat(53)}` }],
    ]);
    const [{ text }] = await t.dataSource.query<[{ text: string }]>(`SELECT string_agg(a::text, ' ') AS text FROM audit_log AS a`);
    expect(text).not.toContain('CANARY');
  });

  it('shows that a session was revoked because its refresh token was used twice', async () => {
    const { refreshToken } = await aUser(t, 'twice');
    const refresh = (id: string) => t.http.post('/api/auth/refresh').set('X-Request-Id', id).send({ refresh_token: refreshToken });
    await refresh('use-1').expect(200);
    await refresh('use-2').expect(401);
    expect((await read({ request_id: 'use-2' })).map((row) => [row.action, row.outcome, row.code])).toEqual([
      ['user.refresh', 'refused', 'unauthenticated'],
      ['session.revoke', 'done', null],
    ]);
  });

  it('writes one row for a request that is repeated with its key', async () => {
    const send = () => t.as('ada').post('/api/auth/tokens').set('X-Request-Id', 'key-1').set('Idempotency-Key', 'k1').send({ name: 'ci' });
    await send().expect(201);
    await send().expect(201).expect('Idempotency-Replayed', 'true');
    expect(await read({ request_id: 'key-1' })).toHaveLength(1);
    const refused = () => t.as('ada').delete(`/api/deployment/${UNKNOWN_ID}`).set('X-Request-Id', 'key-2').set('Idempotency-Key', 'k2');
    await refused().expect(404);
    await refused().expect(404).expect('Idempotency-Replayed', 'true');
    expect(await read({ request_id: 'key-2' })).toHaveLength(1);
  });

  it('refuses all the same when a refusal cannot be recorded, and counts it', async () => {
    await t.dataSource.query(`ALTER TABLE audit_log ADD CONSTRAINT ck_test_full CHECK (outcome <> 'refused') NOT VALID`);
    await t.as('ada').delete(`/api/deployment/${UNKNOWN_ID}`).expect(404);
    await t.dataSource.query(`ALTER TABLE audit_log DROP CONSTRAINT ck_test_full`);
    expect((await root().get('/metrics').expect(200)).text).toMatch(/^fog_audit_refusals_lost_total 1$/m);
  });

  it('is sealed within seconds, and says so', async () => {
    const [{ max }] = await t.dataSource.query<[{ max: string }]>(`SELECT max(id) FROM audit_log`);
    await until(async () => (await read({})).find(({ id }) => id === max)?.hash, { what: 'the newest row to be sealed' });
    const [row] = await read({});
    expect(row).toMatchObject({ position: expect.stringMatching(/^\d+$/), hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('writes the newest link into the log of the program, once a day', async () => {
    const anchors = (): string[] => logged.flatMap((line) => /"audit anchor (\d+:[0-9a-f]{64})"/.exec(line)?.[1] ?? []);
    const [anchor = ''] = await until(() => (anchors().length > 0 ? anchors() : null), {
      what: 'an anchor in the log',
      timeoutMs: 240_000,
    });
    await t.as('ada').post('/api/auth/tokens').send({ name: 'another' }).expect(201);
    await t.app.get(AuditSeal).sealBatch();
    const [position = '', hash = ''] = anchor.split(':');
    const [link] = await t.dataSource.query<[{ hash: string }]>(`SELECT encode(hash, 'hex') AS hash FROM audit_chain WHERE position = $1`, [
      position,
    ]);
    expect(link.hash).toBe(hash);
    expect(anchors()).toEqual([anchor]);
  });

  it.each([
    { actor: 'ada' },
    { outcome: 'maybe' },
    { after: 'yesterday' },
    { after: '0001-01-01' },
    { cursor: 'x' },
    { limit: '101' },
    { format: 'csv' },
    { unknown: '1' },
  ])('refuses %p', async (query) => {
    const { body } = await root().get('/api/admin/audit').query(query).expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: Object.keys(query)[0] }] });
  });

  describe('with many rows', () => {
    const ROWS = 100_000;
    beforeAll(async () => {
      await t.dataSource.query(
        `INSERT INTO audit_log (at, via, action, resource_type, resource_id, outcome, request_id, after)
         SELECT timestamptz '2026-01-01T00:00:00Z' + n * interval '1 second', 'system', 'bulk.' || n % 10, 'bulk', md5((n % 100)::text)::uuid, 'done',
                'bulk', jsonb_build_object('n', n, 'text', repeat('x', 100))
           FROM generate_series(1, $1::int) AS n`,
        [ROWS],
      );
    });

    it('pages forwards and backwards without a gap or a repetition while new rows come in', async () => {
      const filter = 'action=bulk.3&resource_id=' + (await t.dataSource.query<[{ id: string }]>(`SELECT md5('13')::uuid AS id`))[0].id;
      const page = async (url: string) => {
        const { body, headers } = await root().get(url).expect(200);
        const links = Object.fromEntries(
          [...(headers.link ?? '').matchAll(/<([^>]*)>; rel="(\w+)"/g)].map(([, target = '', relation = '']) => [relation, target]),
        );
        return { ids: (body as Row[]).map(({ id }) => id), links, total: headers['x-total-count'] };
      };
      const seen: string[] = [];
      let current = await page(`/api/admin/audit?${filter}&limit=90`);
      expect(current.total).toBe('1000');
      expect(current.links.prev).toBeUndefined();
      for (;;) {
        seen.push(...current.ids);
        await t.dataSource.query(
          `INSERT INTO audit_log (via, action, resource_id, outcome) VALUES ('system', 'bulk.3', md5('13')::uuid, 'done')`,
        );
        if (!current.links.next) break;
        current = await page(current.links.next);
      }
      expect(seen).toHaveLength(1_000);
      expect(new Set(seen).size).toBe(1_000);
      expect(seen).toEqual([...seen].sort((a, b) => Number(b) - Number(a)));
      const back = await page(current.links.prev ?? '');
      expect(back.ids).toEqual(seen.slice(-100, -10));
      expect((await page(back.links.next ?? '')).ids).toEqual(seen.slice(-10));
    });

    it('counts no further than 10000, and filters by time', async () => {
      const { headers } = await root().get('/api/admin/audit?limit=1').expect(200);
      expect(headers['x-total-count']).toBe('10000');
      const day = { after: '2026-01-01T00:00:10Z', before: '2026-01-01T00:00:20Z' };
      expect(await read(day)).toHaveLength(10);
      expect(await read({ ...day, outcome: 'refused' })).toEqual([]);
    });

    /** Reads the whole answer line by line, and measures the memory of this process meanwhile. */
    const download = async (path: string, headers: Record<string, string>) => {
      const token = await t.token('root', { admin: true });
      const { hostname, port } = new URL(t.url);
      return new Promise<{ type?: string; lines: Row[]; peak: number }>((resolve, reject) => {
        const asked = httpRequest({ hostname, port, path, headers: { ...headers, Authorization: `Bearer ${token}` } }, (answer) => {
          const lines: Row[] = [];
          let rest = '';
          let peak = 0;
          const read = async (): Promise<void> => {
            for await (const chunk of answer.setEncoding('utf8')) {
              const parts = (rest + String(chunk)).split('\n');
              rest = parts.pop() ?? '';
              lines.push(...parts.map((part) => JSON.parse(part) as Row).map(({ id, action }) => ({ id, action }) as Row));
              peak = Math.max(peak, process.memoryUsage().rss);
            }
          };
          read().then(() => resolve({ type: answer.headers['content-type'], lines, peak }), reject);
        });
        asked.on('error', reject).end();
      });
    };

    it('exports all of them as lines of JSON, newest first, in bounded memory', async () => {
      const before = process.memoryUsage().rss;
      const { type, lines, peak } = await download('/api/admin/audit', { Accept: 'application/x-ndjson' });
      expect(type).toBe('application/x-ndjson');
      expect(lines).toHaveLength(await count());
      expect(lines.map(({ id }) => Number(id))).toEqual(lines.map(({ id }) => Number(id)).sort((a, b) => b - a));
      // The rows are some 40 MB of text; keeping them would need several times that.
      expect((peak - before) / 1_048_576).toBeLessThan(150);
    });

    it('reads no further than a slow reader takes', async () => {
      let statements = 0;
      const query = t.dataSource.query.bind(t.dataSource) as (...args: unknown[]) => Promise<unknown>;
      const spy = jest.spyOn(t.dataSource, 'query').mockImplementation(((...args: unknown[]) => {
        if (String(args[0]).includes('FROM audit_log')) statements += 1;
        return query(...args);
      }) as never);
      const token = await t.token('root', { admin: true });
      const { hostname, port } = new URL(t.url);
      const asked = httpRequest({ hostname, port, path: '/api/admin/audit?format=ndjson', headers: { Authorization: `Bearer ${token}` } });
      const answer = await new Promise<IncomingMessage>((resolve) => asked.on('response', resolve).end());
      answer.pause();
      let last = -1;
      const isStill = (): boolean => {
        const still = statements === last && statements > 0;
        last = statements;
        return still;
      };
      await until(isStill, { everyMs: 200, what: 'the reading to stop' });
      // 40 MB are 200 batches; what fits into the buffers of the two ends is far less.
      expect(statements).toBeLessThan(60);
      asked.destroy();
      spy.mockRestore();
    });

    it('breaks an export off when its reader has lost the right to it, and no other export', async () => {
      const begin = async (name: string): Promise<IncomingMessage> => {
        const headers = { Authorization: `Bearer ${await t.token(name, { admin: true })}` };
        const asked = httpRequest(`${t.url}/api/admin/audit?format=ndjson`, { headers });
        const answer = await new Promise<IncomingMessage>((resolve, reject) => asked.on('response', resolve).on('error', reject).end());
        expect(answer.statusCode).toBe(200);
        return answer.pause();
      };
      const readOn = async (answer: IncomingMessage): Promise<{ rows: number; whole: boolean }> => {
        let rows = 0;
        try {
          for await (const chunk of answer.setEncoding('utf8')) rows += String(chunk).split('\n').length - 1;
        } catch {
          // What was broken off.
        }
        return { rows, whole: answer.complete };
      };
      const names = ['stays', 'switched-off', 'logged-out', 'demoted'];
      const answers = await Promise.all(names.map(begin));
      await t.dataSource.query(`UPDATE users SET is_active = false WHERE username = 'switched-off'`);
      await t.dataSource.query(`UPDATE sessions SET revoked_at = now() WHERE user_id = $1`, [await t.userId('logged-out')]);
      await t.dataSource.query(`UPDATE users SET is_admin = false WHERE username = 'demoted'`);
      // The right is looked at again for the first batch after this time.
      await sleep(RIGHTS_BEAT_MS + 100);
      const [stays, ...others] = await Promise.all(answers.map(readOn));
      expect(stays?.whole).toBe(true);
      expect(stays?.rows).toBeGreaterThanOrEqual(ROWS);
      expect(others.map(({ rows, whole }) => [whole, rows < ROWS])).toEqual(others.map(() => [false, true]));
    });

    it('exports what a filter leaves', async () => {
      const { lines } = await download('/api/admin/audit?format=ndjson&action=bulk.7&limit=1', {});
      expect(lines).toHaveLength(ROWS / 10);
      expect(new Set(lines.map(({ action }) => action))).toEqual(new Set(['bulk.7']));
    });
  });

  it('can be sealed at any time beside the worker', async () => {
    const seal = t.app.get(AuditSeal);
    await expect(Promise.all([seal.sealBatch(), seal.sealBatch()])).resolves.toHaveLength(2);
  });
});
