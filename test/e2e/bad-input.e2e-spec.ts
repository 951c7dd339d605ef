import { request as httpRequest } from 'node:http';
import { cpuTimeMs } from '../support/cpu-time';
import { aSpec, deployed, NO_IDS, recordRows, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

/** Marks a field that is left out. */
const MISSING = Symbol('missing');
const LONE = '\ud800';
const LONG = 'x'.repeat(100_000);
const deep = (levels: number): unknown => Array.from({ length: levels }).reduce<unknown>((inner) => [inner], 'x');
const many = (count: number, of: unknown): unknown[] => Array.from({ length: count }, () => of);
const ports = (count: number): unknown[] => Array.from({ length: count }, (_unused, n) => ({ container_port: n + 1 }));
const map = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_unused, n) => [`K${String(n)}`, 'v']));

const NOT_TEXT = [null, 1, true, [], {}, ['web']];
const NOT_NUMBER = [null, '1', true, [], {}, [1]];
const NOT_LIST = [null, 'x', 1, true, {}, { 0: 'x', length: 1 }];
const NOT_OBJECT = [null, 'x', 1, true, [], [{}]];
const DIRTY_TEXT = ['', 'a\0b', 'a\u0007b', 'a\u007fb', `a${LONE}b`, LONG];

/** Fields that may be absent: there `null`, and for what is a list or an object also `[]`, means the same. */
const given = (values: readonly unknown[]): unknown[] => values.filter((value) => value !== null);
const held = (values: readonly unknown[]): unknown[] => given(values).filter((value) => !Array.isArray(value) || value.length > 0);

/** For each field of the deploy body: the values that must be refused with a pointer at it or inside of it. */
const DEPLOY_FIELDS: Record<string, unknown[]> = {
  '/name': [MISSING, ...NOT_TEXT, ...DIRTY_TEXT, 'x'.repeat(101), '-web', '.web', '_web', 'web api', 'web/api', 'wéb', 'web\n', ' web'],
  '/type': [MISSING, ...NOT_TEXT, '', 'Compute', 'vm', 'compute\0', 'constructor'],
  '/container_image': [
    MISSING,
    ...NOT_TEXT,
    ...DIRTY_TEXT,
    'x'.repeat(501),
    'NGINX',
    'nginx:',
    ':tag',
    'ng inx',
    'https://nginx',
    'nginx:tag:tag',
    'nginx@sha256:abc',
    '../etc',
    '-nginx',
    'a'.repeat(285),
    'f'.repeat(64),
    'registry:65536/app',
    `nginx@sha512:${'a'.repeat(64)}`,
    `${'a'.repeat(490)}!`,
  ],
  '/replicas': [...given(NOT_NUMBER), 0, -1, 1.5, 101, 10_001, 1e300, Number.MAX_SAFE_INTEGER],
  '/resources': [MISSING, ...NOT_OBJECT, deep(10)],
  '/resources/cpu': [MISSING, ...NOT_NUMBER, 0, -1, 0.4, 0.499, 32.001, 33, 1.00001, 1e-7, 1e300],
  '/resources/memory': [MISSING, ...NOT_NUMBER, 0, -1, 511, 65_537, 512.5, 1e300],
  '/resources/gpu': [...given(NOT_NUMBER), -1, 9, 0.5, 1e300],
  '/resources/storage': [...given(NOT_NUMBER), 0, -1, 1001, 1.5, 1e300],
  '/resources/disk': [1],
  '/env': [
    ...held(NOT_OBJECT),
    { A: 1 },
    { A: null },
    { A: ['x'] },
    { '': 'x' },
    { 'A B': 'x' },
    { '1A': 'x' },
    { A: 'a\0b' },
    { A: LONE },
    { [LONE]: 'x' },
    { A: 'x'.repeat(32_769) },
    { ['A'.repeat(256)]: 'x' },
    { 'A=B': 'x' },
    map(201),
  ],
  '/region': [...given(NOT_TEXT), ...DIRTY_TEXT, 'x'.repeat(65), 'US-EAST', 'us east', '-us'],
  '/placement_strategy': [...given(NOT_TEXT), '', 'Spread', 'pack'],
  '/command': [...given(NOT_LIST), [1], [null], [['x']], ['x', 'a\0b'], [LONE], [''], ['', 'x'], ['x'.repeat(4_097)], many(257, 'x')],
  '/ports': [...given(NOT_LIST), [null], [1], [[]], many(51, { container_port: 80 }), many(2, { container_port: 80 }), ports(11)],
  '/ports/0/container_port': [MISSING, ...NOT_NUMBER, 0, -1, 65_536, 80.5],
  '/ports/0/protocol': [...given(NOT_TEXT), '', 'TCP', 'sctp'],
  '/ports/0/host_port': [80],
  '/health_check': [
    ...held(NOT_OBJECT),
    {},
    { http: { port: 80 }, tcp: { port: 80 } },
    { command: ['true'], tcp: { port: 80 } },
    { interval_seconds: 5 },
  ],
  '/health_check/command': [
    ...[...given(NOT_LIST), [], [1], ['a\0b'], [''], many(65, 'x')],
    ...[['CMD-SHELL', 'exit 0'], ['CMD', 'true'], ['NONE']],
  ],
  '/health_check/interval_seconds': [...given(NOT_NUMBER), 0, 3_601, 1.5],
  '/health_check/timeout_seconds': [...given(NOT_NUMBER), 0, 601],
  '/health_check/retries': [...given(NOT_NUMBER), 0, 101],
  '/health_check/start_period_seconds': [...given(NOT_NUMBER), -1, 3_601],
  '/health_check/every': [1],
  '/labels': [
    ...held(NOT_OBJECT),
    { a: 1 },
    { a: null },
    { '': 'x' },
    { 'a b': 'x' },
    { a: 'a\0b' },
    { a: LONE },
    { a: 'x\ny' },
    { a: 'x'.repeat(257) },
    { ['a'.repeat(64)]: 'x' },
    map(65),
  ],
  '/replica': [1],
  '/toString': ['x'],
  '/hasOwnProperty': ['x'],
  '/id': [UNKNOWN_ID],
  '/user_id': [UNKNOWN_ID],
  '/status': ['running'],
};

const complete = (): Record<string, unknown> =>
  aSpec({
    name: 'never-made',
    env: { A: 'b' },
    ports: [{ container_port: 80, protocol: 'tcp' }],
    health_check: { command: ['true'] },
  });

/** The complete body with one value replaced, by pointer. */
function bodyWith(pointer: string, value: unknown): Record<string, unknown> {
  const body = complete();
  const keys = pointer.slice(1).split('/');
  const last = keys.pop()!;
  const holder = keys.reduce<Record<string, unknown>>((inner, key) => inner[key] as Record<string, unknown>, body);
  if (value === MISSING) Reflect.deleteProperty(holder, last);
  else Object.defineProperty(holder, last, { value, enumerable: true, configurable: true, writable: true });
  return body;
}

const show = (value: unknown): string => (value === MISSING ? '(missing)' : (JSON.stringify(value) ?? String(value))).slice(0, 60);

describe('bad input', () => {
  let t: TestApp;
  let live: string;
  let before: Record<string, unknown[]>;
  let written: unknown;
  beforeAll(async () => {
    t = await startTestApp();
    live = await deployed(t, 'ada');
    before = await recordRows(t.dataSource);
    written = await marks();
  });
  afterEach(async () => {
    expect(await marks()).toEqual(written);
  });
  afterAll(async () => {
    try {
      if (before) expect(await recordRows(t.dataSource)).toEqual(before);
    } finally {
      await t?.close();
    }
  });

  /** Every write of a request changes one of these. Cheap enough to read after every test. */
  const marks = (): Promise<unknown> =>
    t.dataSource.query(
      `SELECT (SELECT count(*) FROM deployments) AS deployments, (SELECT sum(version) FROM deployments) AS versions,
              (SELECT max(id) FROM deployment_status_history) AS changes, (SELECT count(*) FROM deployment_replicas) AS replicas,
              (SELECT count(*) FROM reservations) AS reservations, (SELECT count(*) FROM placements) AS placements,
              (SELECT count(*) FROM idempotency_keys) AS keys`,
    );

  interface Answer {
    status: number;
    headers: Record<string, string>;
    body: { detail?: unknown; code?: string; errors?: { pointer: string; detail: string }[] };
    text: string;
  }
  const expectProblem = ({ status, headers, body, text }: Answer, wanted: { status: number; code: string; pointer?: string }): void => {
    expect({ status, code: body.code }).toEqual({ status: wanted.status, code: wanted.code });
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(body.detail).toEqual(expect.any(String));
    expect(text.length).toBeLessThan(4_000);
    expect(text).not.toMatch(/SELECT|INSERT|at .*\.ts/);
    if (wanted.pointer !== undefined) expect(body.errors?.[0]?.pointer).toBe(wanted.pointer);
  };
  const raw = (path: string, text: string | Buffer, type = 'application/json', method: 'post' | 'delete' = 'post') => {
    const sent = t.as('ada')[method](`/api/deployment/${path}`).set('Content-Type', type);
    return sent.serialize((body) => body as string).send(text as string);
  };

  describe.each(Object.entries(DEPLOY_FIELDS))('deploy %s', (pointer, values) => {
    it.each(values.map((value) => [show(value), value]))('%s is refused with 422 at the field', async (_shown, value) => {
      for (const query of ['', '?dry_run=true']) {
        const answer = await t.as('ada').post(`/api/deployment/deploy${query}`).send(bodyWith(pointer, value));
        expectProblem(answer, { status: 422, code: 'validation_failed' });
        const [first] = answer.body.errors;
        expect(first.pointer === pointer || first.pointer.startsWith(`${pointer}/`)).toBe(true);
        expect(first.detail).toEqual(expect.any(String));
      }
    });
  });

  it('names the key of a bad environment variable and never its value', async () => {
    const answer = await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send(bodyWith('/env', { PASSWORD: 'hunter2\0' }));
    expectProblem(answer, { status: 422, code: 'validation_failed', pointer: '/env' });
    expect(answer.body.detail).toContain('PASSWORD');
    expect(answer.text).not.toContain('hunter2');
  });

  it('names several faults at once, at most ten', async () => {
    const answer = await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send({ name: '', type: 'x', replicas: 'three', resources: { cpu: 0 }, ...map(40) });
    expectProblem(answer, { status: 422, code: 'validation_failed' });
    expect(answer.body.errors).toHaveLength(10);
    const faults = await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send(bodyWith('/resources', { cpu: 33, memory: 1, gpu: 9, storage: 1001 }));
    expect(faults.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      '/resources/cpu',
      '/resources/memory',
      '/resources/gpu',
      '/resources/storage',
    ]);
  });

  describe('the scale body', () => {
    it.each([MISSING, ...NOT_NUMBER, 0, -1, 1.5, 101, 1e300].map((value) => [show(value), value]))('replicas %s', async (_shown, value) => {
      const answer = await t
        .as('ada')
        .post(`/api/deployment/scale/${live}`)
        .send(value === MISSING ? {} : { replicas: value });
      expectProblem(answer, { status: 422, code: 'validation_failed', pointer: '/replicas' });
    });

    it('unknown fields', async () => {
      for (const key of ['replica', 'Replicas', 'toString', 'a/b~c']) {
        const answer = await t
          .as('ada')
          .post(`/api/deployment/scale/${live}`)
          .send({ replicas: 2, [key]: 1 });
        expectProblem(answer, { status: 422, code: 'validation_failed', pointer: `/${key.replace('~', '~0').replace('/', '~1')}` });
      }
    });
  });

  describe.each(['deploy', 'scale/{id}'])('the body of %s as a whole', (route) => {
    const path = (): string => route.replace('{id}', live);

    it.each<[string, string | Buffer, number, string]>([
      ['no body', '', 422, 'validation_failed'],
      ['null', 'null', 422, 'validation_failed'],
      ['an array', '[]', 422, 'validation_failed'],
      ['an array of bodies', '[{"replicas":2}]', 422, 'validation_failed'],
      ['a string', '"replicas"', 422, 'validation_failed'],
      ['a number', '2', 422, 'validation_failed'],
      ['half an object', '{"replicas":', 400, 'malformed_json'],
      ['single quotes', "{'replicas':2}", 400, 'malformed_json'],
      ['a trailing comma', '{"replicas":2,}', 400, 'malformed_json'],
      ['NaN', '{"replicas":NaN}', 400, 'malformed_json'],
      ['a raw control character', '{"name":"a\u0001"}', 400, 'malformed_json'],
      ['a duplicate key', '{"replicas":2,"replicas":3}', 400, 'malformed_json'],
      ['a duplicate key in another spelling', '{"replicas":2,"r\\u0065plicas":3}', 400, 'malformed_json'],
      ['__proto__', '{"replicas":2,"__proto__":{"replicas":3}}', 400, 'malformed_json'],
      ['constructor', '{"replicas":2,"constructor":{"prototype":{"isAdmin":true}}}', 400, 'malformed_json'],
      ['deep nesting', `{"replicas":${'['.repeat(3_000)}${']'.repeat(3_000)}}`, 400, 'malformed_json'],
      ['a huge array', `{"replicas":[${'{},'.repeat(60_000)}{}]}`, 400, 'malformed_json'],
      ['a huge number', `{"replicas":${'9'.repeat(10_000)}}`, 422, 'validation_failed'],
      ['more than 256 kB', `{"name":"${'x'.repeat(300_000)}"}`, 413, 'payload_too_large'],
      ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 400, 'malformed_json'],
      ['two byte order marks', Buffer.from('\ufeff\ufeff{"replicas":2}'), 400, 'malformed_json'],
    ])('%s is refused', async (_what, body, status, code) => {
      const start = cpuTimeMs();
      const answer = await raw(path(), body);
      expectProblem(answer, { status, code });
      expect(cpuTimeMs() - start).toBeLessThan(1_500);
    });

    it.each([
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'application/json; charset=utf-16',
      'application/jsonp',
    ])('content type %s is refused with 415', async (type) =>
      expectProblem(await raw(path(), '{"replicas":2}', type), { status: 415, code: 'unsupported_media_type' }),
    );

    it('a missing content type is refused', async () => {
      const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
        void t.token('ada').then((token) => {
          const sent = httpRequest(
            `${t.url}/api/deployment/${path()}`,
            { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Length': 14 } },
            (response) => {
              let text = '';
              response.on('data', (chunk: Buffer) => (text += chunk.toString()));
              response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
            },
          );
          sent.on('error', reject).end('{"replicas":2}');
        }, reject);
      });
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([415, 'unsupported_media_type']);
    });

    it('has pollution of prototypes to no effect', () => {
      expect(Reflect.get({}, 'isAdmin')).toBeUndefined();
    });
  });

  describe('routes without a body', () => {
    it.each(['stop', 'start', 'retry'])('%s refuses fields and queries that it does not know', async (verb) => {
      expectProblem(await raw(`${live}/${verb}`, '{"replicas":2}'), { status: 422, code: 'validation_failed', pointer: '/replicas' });
      expectProblem(await raw(`${live}/${verb}`, '[1]'), { status: 422, code: 'validation_failed', pointer: '' });
      expectProblem(await raw(`${live}/${verb}`, '{"a":'), { status: 400, code: 'malformed_json' });
      expectProblem(await raw(`${live}/${verb}`, 'a=b', 'text/plain'), { status: 415, code: 'unsupported_media_type' });
      expectProblem(await t.as('ada').post(`/api/deployment/${live}/${verb}?force=true`), {
        status: 400,
        code: 'invalid_request',
        pointer: 'force',
      });
    });

    it('delete refuses a body', async () => {
      expectProblem(await raw(live, '{"wait":0}', 'application/json', 'delete'), {
        status: 422,
        code: 'validation_failed',
        pointer: '/wait',
      });
    });
  });

  describe('queries', () => {
    it.each([
      ['post', 'deploy', 'dry_run=1', 'dry_run'],
      ['post', 'deploy', 'dry_run=', 'dry_run'],
      ['post', 'deploy', 'dry_run=TRUE', 'dry_run'],
      ['post', 'deploy', 'dry_run=true&dry_run=true', 'dry_run'],
      ['post', 'deploy', 'dryrun=true', 'dryrun'],
      ['post', 'scale/{id}', 'dry_run=true', 'dry_run'],
      ['post', 'scale/{id}', 'replicas=3', 'replicas'],
      ['delete', '{id}', 'wait=-1', 'wait'],
      ['delete', '{id}', 'wait=61', 'wait'],
      ['delete', '{id}', 'wait=', 'wait'],
      ['delete', '{id}', 'wait=1.5', 'wait'],
      ['delete', '{id}', 'wait=soon', 'wait'],
      ['delete', '{id}', 'wait=1&wait=2', 'wait'],
      ['delete', '{id}', 'force=1', 'force'],
      ['delete', '{id}', 'grace_seconds=301', 'grace_seconds'],
      ['delete', '{id}', 'keep_warm=10', 'keep_warm'],
      ['delete', '{id}', 'now=true', 'now'],
      ['get', 'status/{id}', 'include_deleted=1', 'include_deleted'],
      ['get', 'status/{id}', 'include_deleted=true&include_deleted=false', 'include_deleted'],
      ['get', 'status/{id}', 'verbose=true', 'verbose'],
      ['get', '{id}', 'include_deleted=no', 'include_deleted'],
      ['get', '{id}', 'toString=1', 'toString'],
      ['get', '{id}/history', 'offset=x', 'offset'],
    ] as const)('%s %s?%s is refused with 400 and names the parameter', async (method, path, query, pointer) => {
      const sent = t.as('ada')[method](`/api/deployment/${path.replace('{id}', live)}?${query}`);
      const answer = await (method === 'post' ? sent.send(path === 'deploy' ? complete() : { replicas: 2 }) : sent);
      expectProblem(answer, { status: 400, code: 'invalid_request', pointer });
    });
  });

  describe('ids and addresses', () => {
    it.each(NO_IDS)('%s is no deployment id on any route', async (id) => {
      const answers = await Promise.all([
        t.as('ada').get(`/api/deployment/status/${id}`),
        t.as('ada').get(`/api/deployment/${id}`),
        t.as('ada').get(`/api/deployment/${id}/history`),
        t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }),
        t.as('ada').post(`/api/deployment/${id}/stop`),
        t.as('ada').post(`/api/deployment/${id}/start`),
        t.as('ada').post(`/api/deployment/${id}/retry`),
      ]);
      for (const answer of answers) {
        expectProblem(answer, { status: 404, code: 'not_found' });
        expect(answer.body.detail).toBe('Invalid deployment ID format');
      }
      const deleted = await t.as('ada').delete(`/api/deployment/${id}`);
      expectProblem(deleted, { status: 400, code: 'invalid_deployment_id' });
      expect(deleted.body.detail).toBe('Invalid deployment ID format');
    });

    it.each(['%', '%zz', '%c3%28', 'x'.repeat(20_000), `status/${UNKNOWN_ID}/`, 'STATUS/x/y'])(
      '%.20s is answered with a 4xx problem',
      async (path) => {
        const answer = await t.as('ada').get(`/api/deployment/${path}`);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      },
    );

    it.each(['', ' ', 'x'.repeat(256), 'a\tb'])('Idempotency-Key %j is refused', async (key) => {
      const answer = await t.as('ada').post('/api/deployment/deploy').set('Idempotency-Key', key).send(complete());
      expectProblem(answer, { status: 400, code: 'invalid_request', pointer: 'Idempotency-Key' });
    });
  });

  it('answers names of any length with less than 4 kB, to strangers too', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `${n}${'x'.repeat(n === 0 ? 150_000 : 8_000)}`);
    const body = Object.fromEntries(names.map((name) => [name, 1]));
    const answers = [
      await t.http.post('/api/auth/login').send(body),
      await t
        .as('ada')
        .post('/api/deployment/deploy')
        .send({ ...complete(), labels: body }),
      await t.as('ada').post(`/api/deployment/${UNKNOWN_ID}/stop`).send(body),
      await t.as('ada').get(`/api/deployment/list?${'z'.repeat(7_000)}=1`),
    ];
    for (const { status, text } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(Buffer.byteLength(text)).toBeLessThan(4_096);
    }
  });

  it('reads an image reference in linear time', async () => {
    for (const image of [
      `${'a-'.repeat(249)}!`,
      `${'a.'.repeat(249)}!`,
      `${'a/'.repeat(249)}!`,
      `${'a__'.repeat(166)}!`,
      `${'-'.repeat(498)}a`,
      `a${'-'.repeat(498)}`,
    ]) {
      const start = cpuTimeMs();
      expectProblem(await t.as('ada').post('/api/deployment/deploy').send(bodyWith('/container_image', image)), {
        status: 422,
        code: 'validation_failed',
        pointer: '/container_image',
      });
      expect(cpuTimeMs() - start).toBeLessThan(500);
    }
  });
});
