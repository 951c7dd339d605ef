import { Writable } from 'node:stream';
import { ContainerVault, storedContainerOf, type StoredContainer } from '../../src/deployments/spec/container-vault';
import { aSpec } from '../support/deployments';
import { send, type WireAnswer, type WireRequest } from '../support/openapi-client';
import { bearerOf } from '../support/openapi-client-identities';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** Every secret carries this mark, so that one search finds them all. */
const MARK = 'CANARY';
const ENV = `${MARK}-env-value`;
const KEY = `${MARK}-idempotency-key`;
const PASSWORD = `${MARK}-Password-7`;
const WRONG = `${MARK}-Wrong-7`;

/** How a secret may be spelled in a text: as it is, or encoded as base64, hex or percent. */
const spellings = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64').slice(0, -4),
  Buffer.from(secret).toString('hex'),
  encodeURIComponent(secret),
];

describe('secrets', () => {
  let t: TestApp;
  const logged: string[] = [];
  const answers: { name: string; text: string; headers: string; secrets: readonly string[] }[] = [];
  /** Tokens that the product made. Each may appear once, in the answer that gives it. */
  const issued: string[] = [];
  const logStream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });

  const call = async (
    name: string,
    request: Omit<WireRequest, 'body'> & { body?: unknown },
    given: readonly string[] = [],
  ): Promise<WireAnswer> => {
    const { body, headers, ...rest } = request;
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const json = text === undefined ? {} : { 'Content-Type': 'application/json' };
    const answer = await send(t.url, { ...rest, headers: { ...json, ...headers }, ...(text === undefined ? {} : { body: text }) });
    answers.push({
      name: `${name} (${String(answer.status)})`,
      text: answer.text,
      headers: JSON.stringify(answer.headers),
      secrets: given,
    });
    return answer;
  };
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    call(`POST ${path}`, { method: 'POST', path, body, headers });
  const read = (path: string, headers: Record<string, string> = {}) => call(`GET ${path}`, { method: 'GET', path, headers });
  const json = ({ text }: WireAnswer) => JSON.parse(text) as Record<string, string>;

  let ada: Record<string, string>;
  let root: Record<string, string>;
  let deploymentId: string;

  beforeAll(async () => {
    t = await startTestApp({
      env: { LOG_LEVEL: 'debug', STOP_GRACE_SECONDS: '0', LOGIN_MAX_FAILURES: '50' },
      logStream,
      cutsDatabase: true,
    });
    root = bearerOf(await t.token('root', { admin: true }));
    await accounts();
    await deployments();
    await projects();
    await refusals();
    await faultsOfOurs();
    await outage();
    for (const path of ['/metrics', '/api/nodes', '/health/ready']) await read(path, root);
    await read(`/api/deployment/status/${deploymentId}`, ada);
  });
  afterAll(() => t?.close());

  const loginOf = async (password: string) => {
    const answer = await post('/api/auth/login', { username: 'keeper', password }, { 'Idempotency-Key': KEY });
    const { access_token: access, refresh_token: refresh } = json(answer);
    if (access && refresh) keep(answer, access, refresh);
    return { answer, access: access ?? '', refresh: refresh ?? '' };
  };
  const keep = ({ text }: WireAnswer, ...tokens: string[]): void => {
    issued.push(...tokens);
    const kept = answers.findLast((answer) => answer.text === text);
    if (kept) answers[answers.indexOf(kept)] = { ...kept, secrets: tokens };
  };

  async function accounts(): Promise<void> {
    await post(
      '/api/auth/register',
      { username: 'keeper', email: 'keeper@example.org', password: PASSWORD },
      { 'Idempotency-Key': `${KEY}-1` },
    );
    const first = await loginOf(PASSWORD);
    ada = bearerOf(first.access);
    await post('/api/auth/login', { username: 'keeper', password: WRONG });
    await post('/api/auth/login', { username: `${MARK}-name`, password: WRONG });
    await post('/api/auth/login', { username: 'keeper', password: PASSWORD, [MARK.toLowerCase()]: WRONG });
    await post('/api/auth/login', `{"username":"keeper","password":"${PASSWORD}`);
    await post('/api/auth/login', { username: 'keeper', password: [PASSWORD] });
    await post('/api/auth/register', { username: 'weak', email: 'weak@example.org', password: `${MARK}-weak` });
    await post('/api/auth/register', { username: 'weak', email: 'weak@example.org', password: `${MARK}-bell\u0007A1` });
    const second = await post('/api/auth/refresh', { refresh_token: first.refresh });
    keep(second, json(second).access_token ?? '', json(second).refresh_token ?? '');
    await post('/api/auth/refresh', { refresh_token: `fogr_${MARK}` });
    const third = await post('/api/auth/login', { username: 'keeper', password: PASSWORD });
    keep(third, json(third).access_token ?? '', json(third).refresh_token ?? '');
    ada = bearerOf(json(third).access_token ?? '');
    const token = await post('/api/auth/tokens', { name: 'machine' }, { ...ada, 'Idempotency-Key': `${KEY}-2` });
    keep(token, json(token).token ?? '');
    const again = await post('/api/auth/tokens', { name: 'machine' }, { ...ada, 'Idempotency-Key': `${KEY}-2` });
    keep(again, json(again).token ?? '');
    await read('/api/auth/me', bearerOf(json(token).token ?? ''));
    await read('/api/auth/tokens', ada);
    for (const bad of [`fog_${MARK}`, `${MARK}.${MARK}.${MARK}`, `${json(third).access_token ?? ''}x`])
      await read('/api/auth/me', bearerOf(bad));
    await read('/api/auth/me', {
      Authorization: `Basic ${Buffer.from(`keeper:${PASSWORD}`).toString('base64')}`,
      Cookie: `session=${MARK}`,
    });
  }

  async function deployments(): Promise<void> {
    const env = { SECRET: ENV, MULTILINE: `${ENV}\nwith "quotes" \u2028 and more` };
    const spec = (over: object) => aSpec({ env, ...over });
    const running = await post('/api/deployment/deploy', spec({ replicas: 2 }), { ...ada, 'Idempotency-Key': `${KEY}-3` });
    deploymentId = json(running).deployment_id ?? '';
    await until(async () => (await read(`/api/deployment/status/${deploymentId}`, ada)).text.includes('"running"'));
    const others = await Promise.all(
      ['simulated/crash:1', 'simulated/missing:1', 'simulated/rejected:1', 'simulated/oom:1', 'simulated/unhealthy:1'].map(
        (container_image) => post('/api/deployment/deploy', spec({ container_image }), ada),
      ),
    );
    const tooBig = await post('/api/deployment/deploy', spec({ resources: { cpu: 32, memory: 65_536 }, replicas: 9 }), ada);
    await post('/api/deployment/deploy?dry_run=true', spec({}), ada);
    await until(async () => (await read(`/api/deployment/status/${json(tooBig).deployment_id ?? ''}`, ada)).text.includes('"failed"'));
    await post(`/api/deployment/scale/${deploymentId}`, { replicas: 3 }, { ...ada, 'Idempotency-Key': `${KEY}-4` });
    await post(`/api/deployment/scale/${deploymentId}`, { replicas: 100 }, ada);
    for (const view of ['', '/history', '/logs']) await read(`/api/deployment/${deploymentId}${view}`, ada);
    for (const answer of others) {
      const id = json(answer).deployment_id ?? '';
      await until(async () => (await read(`/api/deployment/status/${id}`, ada)).text.includes('"reason":"'));
      for (const view of ['', '/history', '/logs']) await read(`/api/deployment/${id}${view}`, ada);
    }
    await read('/api/deployment/list?all_users=true', root);
    await read(`/api/deployment/${deploymentId}`, root);
    await call('delete', {
      method: 'DELETE',
      path: `/api/deployment/${json(tooBig).deployment_id ?? ''}`,
      headers: { ...ada, 'Idempotency-Key': `${KEY}-5` },
    });
  }

  /** Secrets and credentials of a project on all their ways: set, used, rolled out, refused, deleted. */
  async function projects(): Promise<void> {
    const { id = '' } = json(await post('/api/projects', { name: 'keepers' }, ada));
    const at = (rest: string): string => `/api/projects/${id}/${rest}`;
    const put = (rest: string, body: unknown, headers: Record<string, string> = {}) =>
      call(`PUT ${rest}`, { method: 'PUT', path: at(rest), body, headers: { ...ada, ...headers } });
    const remove = (path: string) => call(`DELETE ${path}`, { method: 'DELETE', path, headers: ada });
    for (const key of ['', '', '-again']) await put('secrets/db-password', { value: ENV }, { 'Idempotency-Key': `${KEY}-s${key}` });
    const wrong = [
      { value: [ENV] },
      { value: ENV + 'x'.repeat(70_000) },
      { value: `${ENV}\0` },
      { value: { [MARK]: ENV } },
      ENV,
      { [MARK]: ENV },
    ];
    for (const body of wrong) await put('secrets/wrong', body);
    await post(at('secrets/db-password/preview'), { value: `${ENV}-next` }, ada);
    const login = { server: 'docker.io', username: 'puller', password: ENV };
    await put('registries/hub', login, { 'Idempotency-Key': `${KEY}-r` });
    for (const over of [{ password: [ENV] }, { server: 'https://x' }, { username: 'a:b' }, { more: ENV }])
      await put('registries/hub', { ...login, ...over });

    const use = { project: id, secret_env: { PASS: 'db-password' }, rollout: { min_healthy_seconds: 0 } };
    const running = json(await post('/api/deployment/deploy', aSpec({ ...use, name: 'uses-a-secret' }), ada)).deployment_id ?? '';
    await until(async () => (await read(`/api/deployment/status/${running}`, ada)).text.includes('"running"'));
    const missing =
      json(await post('/api/deployment/deploy', aSpec({ ...use, container_image: 'simulated/missing:1' }), ada)).deployment_id ?? '';
    await until(async () => (await read('/api/events', ada)).text.includes('fog.registry.pull_failed'), { what: 'the failed pull' });
    await put('secrets/db-password?restart=true', { value: `${ENV}-next` });
    for (const view of ['', '/history', '/logs', '/revisions', '/revisions/1', '/events', '/rollout'])
      await read(`/api/deployment/${running}${view}`, ada);
    await post(`/api/deployment/${running}/rollback`, {}, ada);
    await remove(at('secrets/db-password'));
    for (const deployment of [running, missing]) await remove(`/api/deployment/${deployment}`);
    await remove(at('secrets/db-password'));
    await post(`/api/deployment/${running}/restore`, {}, ada);
    await post(`/api/deployment/${running}/restart`, {}, ada);
    for (const [table, rest, body] of [
      ['project_secrets', 'secrets/late', { value: ENV }],
      ['registries', 'registries/late', login],
    ] as const) {
      await t.dataSource.query(`ALTER TABLE ${table} RENAME TO gone_for_a_while`);
      const { status } = await put(rest, body);
      await t.dataSource.query(`ALTER TABLE gone_for_a_while RENAME TO ${table}`);
      expect([table, status]).toEqual([table, 500]);
      await put(rest, body);
    }
    for (const view of ['', '/secrets', '/secrets/late', '/registries', '/registries/hub']) await read(`/api/projects/${id}${view}`, ada);
    for (const path of ['/api/events', '/api/events?all_users=true', '/api/admin/audit', '/api/admin/registries', '/metrics'])
      await read(path, root);
    expect((await read('/metrics', root)).text).toMatch(/fog_secret_changes_total\{what="secret",change="deleted"\} 1/);
  }

  async function refusals(): Promise<void> {
    const deploy = (body: unknown, headers: Record<string, string> = {}) => post('/api/deployment/deploy', body, { ...ada, ...headers });
    await deploy(aSpec({ env: { SECRET: `${ENV}\0` } }));
    await deploy(aSpec({ env: { SECRET: [ENV] } }));
    await deploy(aSpec({ env: { SECRET: { [MARK]: ENV } } }));
    await deploy(aSpec({ env: ENV }));
    await deploy(aSpec({ env: [ENV] }));
    await deploy(aSpec({ name: 'bad name', env: { SECRET: ENV } }));
    await deploy(JSON.stringify(aSpec({ env: { SECRET: ENV } })).slice(0, -3));
    await deploy(`{"env":{"SECRET":"${ENV}","SECRET":"${ENV}"}}`);
    await deploy(aSpec({ env: { SECRET: ENV + 'x'.repeat(40_000) } }));
    await deploy(aSpec({ env: { SECRET: ENV }, name: 'twice' }));
    await deploy(aSpec({ env: { SECRET: ENV }, name: 'twice' }));
    await deploy(aSpec({ env: { SECRET: ENV } }), { 'Idempotency-Key': `${KEY}-3` });
    await deploy(aSpec({ env: { SECRET: ENV } }), { 'Idempotency-Key': `${KEY}\u00ff` });
    await deploy(aSpec({ env: { SECRET: ENV } }), { 'Content-Type': 'text/plain' });
    await deploy(`"${ENV}${'x'.repeat(300_000)}"`);
    await read(`/api/auth/me?access_token=${MARK}`, {});
    await read(`/api/deployment/list?name=${MARK.toLowerCase()}&user_id=${MARK}`, { ...ada, 'X-Request-Id': `{"${MARK}":1}` });
  }

  /** Causes errors of the database, which contain whole rows and statements with their values. */
  async function faultsOfOurs(): Promise<void> {
    const { dataSource } = t;
    await dataSource.query(`ALTER TABLE deployments ADD CONSTRAINT ck_test_poison CHECK (name <> 'poison')`);
    expect(
      (await post('/api/deployment/deploy', aSpec({ name: 'poison', env: { SECRET: ENV } }), { ...ada, 'Idempotency-Key': `${KEY}-6` }))
        .status,
    ).toBe(500);
    await dataSource.query(`ALTER TABLE deployments DROP CONSTRAINT ck_test_poison`);
    for (const [table, request] of [
      ['deployments', () => post('/api/deployment/deploy', aSpec({ env: { SECRET: ENV } }), ada)],
      ['users', () => post('/api/auth/login', { username: 'keeper', password: PASSWORD })],
      ['refresh_tokens', () => post('/api/auth/refresh', { refresh_token: `fogr_${MARK}` })],
      ['api_tokens', () => read('/api/auth/me', bearerOf(`fog_${MARK}`))],
      ['idempotency_keys', () => post('/api/auth/tokens', { name: 'x' }, { ...ada, 'Idempotency-Key': `${KEY}-7` })],
    ] as const) {
      await dataSource.query(`ALTER TABLE ${table} RENAME TO gone_for_a_while`);
      const { status } = await request();
      await dataSource.query(`ALTER TABLE gone_for_a_while RENAME TO ${table}`);
      expect([table, status]).toEqual([table, 500]);
    }
    // The engine refuses with an error whose text holds a row of its own.
    await dataSource.query(`ALTER TABLE simulated_workloads ADD CONSTRAINT ck_test_poison CHECK (image <> 'poison:1')`);
    const poisoned =
      json(await post('/api/deployment/deploy', aSpec({ container_image: 'poison:1', env: { SECRET: ENV, SIMULATED_LOG: ENV } }), ada))
        .deployment_id ?? '';
    await until(async () => /"work":\{"attempts":[1-9]/.test((await read(`/api/deployment/status/${poisoned}`, ada)).text));
    await dataSource.query(`ALTER TABLE simulated_workloads DROP CONSTRAINT ck_test_poison`);
    await call('delete', { method: 'DELETE', path: `/api/deployment/${poisoned}`, headers: ada });
  }

  async function outage(): Promise<void> {
    t.databaseProxy!.cut();
    await post('/api/deployment/deploy', aSpec({ env: { SECRET: ENV } }), { ...ada, 'Idempotency-Key': `${KEY}-8` });
    await post('/api/auth/login', { username: 'keeper', password: PASSWORD });
    await post('/api/auth/refresh', { refresh_token: `fogr_${MARK}` });
    await read('/api/auth/me', bearerOf(`fog_${MARK}`));
    await read('/health/ready');
    t.databaseProxy!.restore();
    await until(async () => (await send(t.url, { method: 'GET', path: '/api/auth/me', headers: ada })).status === 200);
  }

  const found = (text: string, allowed: readonly string[] = []): string[] =>
    [...spellings(MARK), ...issued.filter((token) => !allowed.includes(token))].filter((secret) => text.includes(secret));

  it('are looked for where there is something to find', () => {
    const statuses = new Set(answers.map(({ name }) => /\((\d+)\)$/.exec(name)?.[1]));
    expect([...statuses].sort()).toEqual(
      expect.arrayContaining(['200', '201', '202', '400', '401', '409', '413', '415', '422', '500', '503']),
    );
    expect(logged.length).toBeGreaterThan(100);
    expect(issued.length).toBeGreaterThan(6);
    expect(found(`a line with ${ENV}`)).not.toEqual([]);
    expect(found(`a line with ${issued[0] ?? ''}`)).not.toEqual([]);
    expect(found(`a line with ${Buffer.from(MARK).toString('hex')}`)).not.toEqual([]);
  });

  it('come back in no answer but the one that gives them', () => {
    const leaks = answers.filter(({ text, headers, secrets }) => found(text + headers, secrets).length > 0);
    // An answer may repeat a refused name or key, but never a value that was sent.
    const values = leaks.filter(({ text, headers }) =>
      [ENV, KEY, PASSWORD, WRONG, ...issued].some((secret) => (text + headers).includes(secret)),
    );
    expect(values.map(({ name, text }) => `${name}: ${text.slice(0, 300)}`)).toEqual([]);
  });

  it('are in no line of the log, at any level', () => {
    expect(logged.filter((line) => found(line).length > 0)).toEqual([]);
  });

  it('are in no table, not even where the engine needs them', async () => {
    const tables = await t.dataSource.query<{ name: string }[]>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['jobs', 'placements', 'idempotency_keys', 'deployment_status_history', 'sessions', 'audit_log']),
    );
    const leaks: string[] = [];
    for (const { name } of tables) {
      const rows = await t.dataSource.query<{ row: string }[]>(`SELECT to_jsonb(r)::text AS row FROM "${name}" r`);
      leaks.push(...rows.filter(({ row }) => found(row).length > 0).map(({ row }) => `${name}: ${row.slice(0, 300)}`));
    }
    expect(leaks).toEqual([]);
    // The control: what was searched for is there, and encrypted.
    const held = await t.dataSource.query<{ id: string; stored: StoredContainer }[]>(
      `SELECT deployment_id AS id, ${storedContainerOf('v')} AS stored FROM deployment_revisions AS v WHERE env_sealed IS NOT NULL`,
    );
    const vault = t.app.get(ContainerVault, { strict: false });
    expect(held.filter(({ id, stored }) => JSON.stringify(vault.open(stored, id).env).includes(MARK)).length).toBeGreaterThan(5);
  });

  it('leave every line of the log one JSON object of at most 8 kB, whatever names are in it', async () => {
    const nasty = [
      '"quoted"',
      '\u001b[31mred\u001b[0m',
      'a\nb',
      'a\r\n{"level":"error","msg":"forged"}',
      '\u2028\u2029',
      'x'.repeat(10_000),
      '🦊',
    ];
    for (const name of nasty) {
      await post('/api/auth/login', { username: name, password: 'Some-Horse-7' }, { 'User-Agent': 'x"y' });
      await post('/api/auth/tokens', { name }, ada);
      await post(
        '/api/nodes',
        { name: 'n1', region: 'eu', runtime: 'simulated', cpu_cores: 1, memory_mb: 512, storage_gb: 1, labels: { note: name } },
        root,
      );
      await post('/api/deployment/deploy', aSpec({ labels: { note: name }, command: ['sh', '-c', name] }), ada);
      await read(`/api/deployment/${encodeURIComponent(name).slice(0, 2_000)}`, {
        ...ada,
        'X-Request-Id': encodeURIComponent(name).slice(0, 500),
      });
    }
    for (const chunk of logged) {
      expect(chunk.endsWith('\n')).toBe(true);
      for (const line of chunk.slice(0, -1).split('\n')) {
        const value: unknown = JSON.parse(line);
        expect(typeof value === 'object' && value !== null && !Array.isArray(value)).toBe(true);
        expect(Reflect.get(value as object, 'msg')).not.toBe('forged');
        expect(line.length).toBeLessThanOrEqual(8_192);
        // eslint-disable-next-line no-control-regex -- control characters are what must not be there
        expect(line).not.toMatch(/[\u0000-\u001f\u007f\u2028\u2029]/);
      }
    }
  });
});
