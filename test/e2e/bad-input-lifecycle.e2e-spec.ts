import { deployed, NO_IDS, recordRows, UNKNOWN_ID } from '../support/deployments';
import { insertRow } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Fault = readonly [value: unknown, pointer: string];

const MISSING = Symbol('missing');
const LONG = 'x'.repeat(100_000);
const NOT_TEXT = [null, 1, true, [], {}, ['x']];
const NOT_FLAG = [null, 0, 1, 'true', '', [], {}];
const NOT_NUMBER = [null, '1', true, [], {}, 1.5, 1e300];
const NOT_ID = [...NOT_TEXT, '', 'x', `${UNKNOWN_ID} `, UNKNOWN_ID.slice(1), `{${UNKNOWN_ID}}`, `${UNKNOWN_ID}\n`, LONG];
const DIRTY = ['', 'a\0b', 'a\u0007b', 'a\u007fb', 'a\ud800b', LONG];
const NOT_TIMES = [...NOT_TEXT, '', 'now()', 'infinity', '2026-02-30T00:00:00Z', '+275760-09-13T00:00:00Z', '0001-01-01T00:00:00Z', LONG];
const at = (pointer: string, values: readonly unknown[]): Fault[] => values.map((value) => [value, pointer] as const);

/**
 * For each member of a body: the values that must be refused with a pointer at it or inside of it. The rest of the body
 * is valid.
 */
interface Route {
  readonly verb: Verb;
  readonly path: (world: World) => string;
  readonly user: 'ada' | 'root';
  readonly right: (world: World) => Record<string, unknown>;
  readonly faults: readonly Fault[];
}

interface World {
  readonly live: string;
  readonly gone: string;
  readonly node: string;
  readonly webhook: string;
  readonly operation: string;
  readonly policy: string;
}

const REASON = at('/reason', [MISSING, ...NOT_TEXT, ...DIRTY, 'x'.repeat(501)]);
const BULK_OPTIONS = [
  ...at('/all_or_nothing', NOT_FLAG),
  ...at('/dry_run', NOT_FLAG),
  ...at('/force', NOT_FLAG),
  ...at('/grace_seconds', [...NOT_NUMBER, -1, 301]),
  ...at('/wait', [...NOT_NUMBER, -1, 61]),
  ...at('/keep_warm', [...NOT_TEXT, ...DIRTY, '10', '-1m', '25h', '1.5h', '10 m', '0s', 'm', '1e3s', '1d']),
  ...at('/if_match', ['"1"']),
  ...at('/user_id', [UNKNOWN_ID]),
];
const SUBSCRIPTION = [
  ...at('/description', [...NOT_TEXT, ...DIRTY.slice(1), 'x'.repeat(201)]),
  ...at('/event_types', [
    null,
    'fog.deployment.deleted',
    {},
    [1],
    [null],
    ['deleted'],
    ['fog.deployment.deleted', 'fog.deployment.deleted'],
  ]),
  ...at('/labels', [null, 'x', 1, [], { a: 1 }, { '': 'x' }, { a: 'a\0b' }, { 'a b': 'x' }]),
  ...at('/enabled', NOT_FLAG),
  ...at('/secret', ['whsec_x']),
  ...at('/user_id', [UNKNOWN_ID]),
];
const URLS = [
  ...[...NOT_TEXT, '', 'x', '//hooks.example.org', 'ftp://hooks.example.org/', 'file:///etc/passwd', 'javascript:alert(1)'],
  ...[
    'http://93.184.215.14/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/',
    'https://2130706433/',
    'https://0x7f.1/',
  ],
  ...['https://a:b@93.184.215.14/', 'https://93.184.215.14:22/', 'https://93.184.215.14/#x', `https://93.184.215.14/${'x'.repeat(2_050)}`],
];
const DAYS = at('/days', [MISSING, ...NOT_NUMBER, 0, -1, 1e6]);

const ROUTES: Readonly<Record<string, Route>> = {
  restore: {
    verb: 'post',
    path: ({ gone }) => `/api/deployment/${gone}/restore`,
    user: 'ada',
    right: () => ({ name: 'another-name' }),
    faults: [
      ...at('/name', [...NOT_TEXT.slice(1), ...DIRTY, 'x'.repeat(101), '-web', 'web api', 'web/api', 'web\n']),
      ...at('/dry_run', [true]),
      ...at('/generation', [1]),
      ...at('/__proto', [{}]),
      ...at('/toString', ['x']),
    ],
  },
  'bulk-delete': {
    verb: 'post',
    path: () => '/api/deployment/bulk-delete',
    user: 'ada',
    right: ({ live }) => ({ ids: [live] }),
    faults: [
      ...at('/ids', [null, 'x', 1, {}, [], Array.from({ length: 1_001 }, () => UNKNOWN_ID)]),
      ...NOT_ID.map((id) => [[UNKNOWN_ID, id], '/ids'] as const),
      ...at('/filter', [{ name: 'x' }]),
      ...BULK_OPTIONS,
    ],
  },
  'bulk-delete by a filter': {
    verb: 'post',
    path: () => '/api/deployment/bulk-delete',
    user: 'ada',
    right: () => ({ filter: { name: 'app-' } }),
    faults: [
      ...at('/filter', [MISSING, null, 'x', 1, [], {}, { all_users: false }, { labels: {} }]),
      ...[...NOT_TEXT, 'deleted', 'Running', ''].map((status) => [{ status }, '/filter'] as const),
      ...[...NOT_TEXT, ...DIRTY, 'x'.repeat(101)].map((name) => [{ name }, '/filter'] as const),
      ...NOT_TIMES.map((created_after) => [{ created_after }, '/filter'] as const),
      ...NOT_TIMES.map((created_before) => [{ created_before }, '/filter'] as const),
      ...[null, 'x', [], { a: 1 }, { a: null }, { a: 'a\0b' }, { 'a b': 'x' }].map((labels) => [{ labels }, '/filter'] as const),
      ...NOT_ID.map((user_id) => [{ user_id }, '/filter'] as const),
      ...[
        { name: 'x', sort: 'name' },
        { name: 'x', limit: 1 },
      ].map((more) => [more, '/filter'] as const),
    ],
  },
  'bulk-restore': {
    verb: 'post',
    path: () => '/api/deployment/bulk-restore',
    user: 'ada',
    right: ({ gone }) => ({ ids: [gone] }),
    faults: [
      ...at('/ids', [null, 'x', [], ...NOT_ID.map((id) => [id])]),
      ...at('/operation_id', [UNKNOWN_ID, ...NOT_ID]),
      ...at('/wait', [...NOT_NUMBER, -1, 61]),
      ...at('/name', ['x']),
      ...at('/dry_run', [true]),
    ],
  },
  protection: {
    verb: 'put',
    path: ({ live }) => `/api/deployment/${live}/protection`,
    user: 'ada',
    right: () => ({ reason: 'mine' }),
    faults: [...REASON, ...at('/protected', [true])],
  },
  'legal hold': {
    verb: 'put',
    path: ({ live }) => `/api/deployment/${live}/legal-hold`,
    user: 'root',
    right: () => ({ reason: 'a case' }),
    faults: [...REASON, ...at('/until', ['2030-01-01'])],
  },
  'force release': {
    verb: 'post',
    path: ({ live }) => `/api/deployment/${live}/force-release`,
    user: 'root',
    right: () => ({ reason: 'burnt' }),
    faults: [...REASON, ...at('/node_id', NOT_ID), ...at('/all', [true])],
  },
  'a new webhook': {
    verb: 'post',
    path: () => '/api/notifications/webhooks',
    user: 'ada',
    right: () => ({ url: 'https://93.184.215.14/', enabled: false }),
    faults: [...at('/url', [MISSING, ...URLS]), ...SUBSCRIPTION],
  },
  'a change of a webhook': {
    verb: 'patch',
    path: ({ webhook }) => `/api/notifications/webhooks/${webhook}`,
    user: 'ada',
    right: () => ({ description: 'changed' }),
    faults: [...at('/url', URLS), ...SUBSCRIPTION],
  },
  'a new retention policy': {
    verb: 'post',
    path: () => '/api/admin/retention-policies',
    user: 'root',
    right: () => ({ selector: 'label', value: 'team=x', days: 7 }),
    faults: [
      ...at('/selector', [MISSING, ...NOT_TEXT, '', 'Label', 'all', 'constructor']),
      ...at('/value', [MISSING, ...NOT_TEXT, ...DIRTY, 'team', '=x', 'a b=x', `team=${'x'.repeat(400)}`]),
      ...DAYS,
      ...at('/apply_to_deleted', NOT_FLAG),
      ...at('/hours', [1]),
    ],
  },
  'a change of a retention policy': {
    verb: 'patch',
    path: ({ policy }) => `/api/admin/retention-policies/${policy}`,
    user: 'root',
    right: () => ({ days: 8 }),
    faults: [...DAYS, ...at('/selector', ['type']), ...at('/apply_to_deleted', NOT_FLAG)],
  },
};

/** Query or header that must be refused with 400, and the parameter that the answer names. */
const PARAMETERS: readonly (readonly [verb: Verb, path: (world: World) => string, pointer: string, headers?: Record<string, string>])[] = [
  ['post', ({ gone }) => `/api/deployment/${gone}/restore?dry_run=1`, 'dry_run'],
  ['post', ({ gone }) => `/api/deployment/${gone}/restore?dry_run=true&dry_run=true`, 'dry_run'],
  ['post', ({ gone }) => `/api/deployment/${gone}/restore?name=x`, 'name'],
  // In the body it would ask for a preview. In the query it must be refused and not ignored.
  ['post', () => '/api/deployment/bulk-delete?dry_run=true', 'dry_run'],
  ['post', () => '/api/deployment/bulk-restore?dry_run=true', 'dry_run'],
  ['delete', ({ live }) => `/api/deployment/${live}?keep_warm=10m&force=true`, 'keep_warm'],
  ['delete', ({ live }) => `/api/deployment/${live}?grace_seconds=5&force=true`, 'grace_seconds'],
  ['delete', ({ live }) => `/api/deployment/${live}?grace_seconds=-1`, 'grace_seconds'],
  ['delete', ({ live }) => `/api/deployment/${live}?grace_seconds=1&grace_seconds=2`, 'grace_seconds'],
  ['delete', ({ live }) => `/api/deployment/${live}?keep_warm=25h`, 'keep_warm'],
  ['delete', ({ live }) => `/api/deployment/${live}?keep_warm=`, 'keep_warm'],
  ['delete', ({ live }) => `/api/deployment/${live}?dry_run=yes`, 'dry_run'],
  ['delete', ({ live }) => `/api/deployment/${live}?if_match=%221%22`, 'if_match'],
  ...['1', '"', '"1"2"', 'W/', '"a""b"', ',', `"${'x'.repeat(5_000)}`].map(
    (tag) => ['delete', ({ live }: World) => `/api/deployment/${live}`, 'If-Match', { 'If-Match': tag }] as const,
  ),
  ['get', ({ gone }) => `/api/deployment/${gone}/deletion?generation=0`, 'generation'],
  ['get', ({ gone }) => `/api/deployment/${gone}/deletion?generation=1.5`, 'generation'],
  ['get', ({ gone }) => `/api/deployment/${gone}/deletion?generation=99999999999`, 'generation'],
  ['get', ({ gone }) => `/api/deployment/${gone}/deletion?generation=1&generation=1`, 'generation'],
  ['get', ({ gone }) => `/api/deployment/${gone}/deletion?steps=all`, 'steps'],
  ['put', ({ live }) => `/api/deployment/${live}/protection?reason=x`, 'reason'],
  ['delete', ({ live }) => `/api/deployment/${live}/protection?dry_run=true`, 'dry_run'],
  ['delete', ({ live }) => `/api/deployment/${live}/legal-hold?dry_run=true`, 'dry_run'],
  ['post', ({ live }) => `/api/deployment/${live}/force-release?dry_run=true`, 'dry_run'],
  ['get', () => '/api/operations?limit=0', 'limit'],
  ['get', () => '/api/operations?offset=-1', 'offset'],
  ['get', () => '/api/operations?all_users=1', 'all_users'],
  ['get', () => '/api/operations?status=running', 'status'],
  ['get', ({ operation }) => `/api/operations/${operation}?wait=1`, 'wait'],
  ['post', ({ operation }) => `/api/operations/${operation}/confirm?dry_run=true`, 'dry_run'],
  ['post', ({ operation }) => `/api/operations/${operation}/cancel?dry_run=true`, 'dry_run'],
  ...['-1', '1.5', 'newest', '', '0x1', '1'.repeat(16), '1%00'].map(
    (after) => ['get', () => `/api/events?after=${after}`, 'after'] as const,
  ),
  ['get', () => '/api/events?after=1&after=2', 'after'],
  ['get', () => '/api/events?wait=31', 'wait'],
  ['get', () => '/api/events?limit=1001', 'limit'],
  ['get', () => '/api/events?types=fog.nothing', 'types'],
  ['get', () => '/api/events?types=', 'types'],
  ['get', () => '/api/events?types=fog.deployment.deleted,', 'types'],
  ['get', () => '/api/events?deployment_id=x', 'deployment_id'],
  ['get', () => '/api/events?user_id=x', 'user_id'],
  ...['x', '-1', '1.0', '1e3', '0x1', '1'.repeat(16), "1' OR 1=1"].flatMap((id) => [
    ['get', () => '/api/events', 'Last-Event-ID', { 'Last-Event-ID': id }] as const,
    ['get', () => '/api/events', 'Last-Event-ID', { 'Last-Event-ID': id, Accept: 'text/event-stream' }] as const,
  ]),
  ['get', ({ webhook }) => `/api/notifications/webhooks/${webhook}/deliveries?limit=101`, 'limit'],
  ['get', ({ webhook }) => `/api/notifications/webhooks/${webhook}/deliveries?cursor=x`, 'cursor'],
  ['get', ({ webhook }) => `/api/notifications/webhooks/${webhook}/deliveries?cursor=${'x'.repeat(101)}`, 'cursor'],
  ['delete', ({ gone }) => `/api/admin/deployment/${gone}?override_retention=true`, 'reason'],
  ['delete', ({ gone }) => `/api/admin/deployment/${gone}?override_retention=yes&reason=x`, 'override_retention'],
  ['delete', ({ gone }) => `/api/admin/deployment/${gone}?override_retention=true&reason=`, 'reason'],
  ['delete', ({ gone }) => `/api/admin/deployment/${gone}?override_retention=true&reason=a%00b`, 'reason'],
  ['delete', ({ gone }) => `/api/admin/deployment/${gone}?override_retention=true&reason=x&force=true`, 'force'],
  ['post', () => '/api/admin/retention-policies?dry_run=1', 'dry_run'],
  ['delete', ({ policy }) => `/api/admin/retention-policies/${policy}?apply_to_deleted=1`, 'apply_to_deleted'],
  ['delete', ({ policy }) => `/api/admin/retention-policies/${policy}?days=1`, 'days'],
  ['get', () => '/api/admin/audit?limit=101', 'limit'],
  ['get', () => '/api/admin/audit?cursor=x', 'cursor'],
  ['get', () => '/api/admin/audit?actor=root', 'actor'],
  ['get', () => '/api/admin/audit?resource_id=1', 'resource_id'],
  ['get', () => '/api/admin/audit?outcome=maybe', 'outcome'],
  ['get', () => '/api/admin/audit?format=csv', 'format'],
  ['get', () => '/api/admin/audit?after=yesterday', 'after'],
  ['get', () => '/api/admin/audit?before=2026-02-30', 'before'],
  ['get', () => '/api/admin/audit?action=a%00b', 'action'],
  ['get', () => '/api/admin/audit?user=x', 'user'],
];

/** All routes with an id: what else is put in its place, and the answer to the id of something of another kind. */
const ID_ROUTES: readonly (readonly [verb: Verb, path: (id: string) => string, kind: keyof World, body?: object])[] = [
  ['post', (id) => `/api/deployment/${id}/restore`, 'gone'],
  ['get', (id) => `/api/deployment/${id}/deletion`, 'gone'],
  ['put', (id) => `/api/deployment/${id}/protection`, 'live', { reason: 'x' }],
  ['delete', (id) => `/api/deployment/${id}/protection`, 'live'],
  ['put', (id) => `/api/deployment/${id}/legal-hold`, 'live', { reason: 'x' }],
  ['delete', (id) => `/api/deployment/${id}/legal-hold`, 'live'],
  ['post', (id) => `/api/deployment/${id}/force-release`, 'live', { reason: 'x' }],
  ['get', (id) => `/api/operations/${id}`, 'operation'],
  ['post', (id) => `/api/operations/${id}/confirm`, 'operation'],
  ['post', (id) => `/api/operations/${id}/cancel`, 'operation'],
  ['get', (id) => `/api/notifications/webhooks/${id}`, 'webhook'],
  ['patch', (id) => `/api/notifications/webhooks/${id}`, 'webhook', { description: 'x' }],
  ['delete', (id) => `/api/notifications/webhooks/${id}`, 'webhook'],
  ['post', (id) => `/api/notifications/webhooks/${id}/rotate-secret`, 'webhook'],
  ['post', (id) => `/api/notifications/webhooks/${id}/test`, 'webhook'],
  ['get', (id) => `/api/notifications/emails/${id}`, 'policy'],
  ['delete', (id) => `/api/notifications/emails/${id}`, 'policy'],
  ['post', (id) => `/api/notifications/emails/${id}/test`, 'policy'],
  ['post', (id) => `/api/notifications/deliveries/${id}/redeliver`, 'policy'],
  ['delete', (id) => `/api/admin/deployment/${id}`, 'gone'],
  ['patch', (id) => `/api/admin/retention-policies/${id}`, 'policy', { days: 3 }],
  ['delete', (id) => `/api/admin/retention-policies/${id}`, 'policy'],
];

const show = (value: unknown): string => (value === MISSING ? '(missing)' : (JSON.stringify(value) ?? String(value))).slice(0, 60);

describe('bad input to what comes after a deployment', () => {
  let t: TestApp;
  let world: World;
  let before: unknown;
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
    await t.token('root', { admin: true });
    const live = await deployed(t, 'ada');
    const gone = await deployed(t, 'ada');
    await t.as('ada').delete(`/api/deployment/${gone}?wait=60`).expect(200);
    const user_id = await t.userId('ada');
    const { body: nodes } = await t.as('ada').get('/api/nodes').expect(200);
    const rule = { selector: 'type', value: 'web', days: 9, changed_by: user_id };
    world = {
      ...{ live, gone, node: (nodes as { id: string }[])[0]!.id },
      webhook: await insertRow(t.dataSource, 'subscriptions', {
        user_id,
        kind: 'webhook',
        url: 'https://x.example/',
        secret_sealed: '\\x00',
        enabled: false,
      }),
      operation: await insertRow(t.dataSource, 'operations', {
        kind: 'bulk_delete',
        status: 'waiting_for_confirmation',
        user_id,
        options: {},
        origin: {},
      }),
      policy: await insertRow(t.dataSource, 'retention_policies', rule),
    };
    before = await everything();
  });
  afterAll(async () => {
    try {
      if (before !== undefined) expect(await everything()).toEqual(before);
    } finally {
      await t?.close();
    }
  });

  /** Refusals are audited, which is all that they may leave behind. */
  const everything = async (): Promise<unknown> => [
    await recordRows(t.dataSource),
    await t.dataSource.query(`SELECT * FROM subscriptions`),
    await t.dataSource.query(`SELECT * FROM operations`),
    await t.dataSource.query(`SELECT count(*) FROM operation_items`),
    await t.dataSource.query(`SELECT * FROM retention_policies`),
    await t.dataSource.query(`SELECT id, type FROM events ORDER BY id`),
    await t.dataSource.query(`SELECT id, action FROM audit_log WHERE outcome = 'done' ORDER BY id`),
  ];

  interface Answer {
    status: number;
    headers: Record<string, string>;
    body: { detail?: unknown; code?: string; errors?: { pointer: string; detail: string }[] };
    text: string;
  }
  const ask = (user: string, verb: Verb, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const sent = t.as(user)[verb](path).set(headers);
    return body === undefined ? sent : sent.send(body as object);
  };
  const expectProblem = ({ status, headers, body, text }: Answer, wanted: { status: number; code: string; pointer?: string }): void => {
    expect({ status, code: body.code }).toEqual({ status: wanted.status, code: wanted.code });
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(text.length).toBeLessThan(4_000);
    expect(text).not.toMatch(/SELECT|INSERT|at .*\.ts/);
    if (wanted.pointer !== undefined) {
      const pointer = body.errors?.[0]?.pointer ?? '';
      expect([wanted.pointer, pointer === wanted.pointer || pointer.startsWith(`${wanted.pointer}/`)]).toEqual([wanted.pointer, true]);
    }
  };

  describe.each(Object.entries(ROUTES))('%s', (_name, { verb, path, user, right, faults }) => {
    it.each(faults.map(([value, pointer]) => [pointer, show(value), value]))(
      '%s %s is refused with 422',
      async (pointer, _shown, value) => {
        const body = right(world);
        const key = pointer.slice(1);
        if (value === MISSING) Reflect.deleteProperty(body, key);
        else Object.defineProperty(body, key, { value, enumerable: true, configurable: true, writable: true });
        const answer = await ask(user, verb, path(world), body);
        expect(answer.status).toBe(422);
        expectProblem(answer, { status: 422, code: 'validation_failed' });
      },
    );

    it('anything but an object is refused', async () => {
      // A restore needs no body, and these stand for none.
      const nothing = verb === 'post' && path(world).endsWith('/restore') ? [] : ['null', '[]'];
      for (const body of [...nothing, '"x"', '1', 'true'])
        expectProblem(await ask(user, verb, path(world), body, { 'Content-Type': 'application/json' }), {
          status: 422,
          code: 'validation_failed',
        });
      expectProblem(await ask(user, verb, path(world), '{"a":1,"a":1}', { 'Content-Type': 'application/json' }), {
        status: 400,
        code: 'malformed_json',
      });
    });
  });

  it.each(PARAMETERS.map(([verb, path, pointer, headers]) => [verb, show(String(path)).slice(0, 90), pointer, path, headers] as const))(
    '%s %s is refused with 400 at %s',
    async (verb, _shown, pointer, path, headers) => {
      const isForRoot = /admin|legal-hold|force-release|confirm/.test(path(world));
      const needsBody = /(force-release|protection|legal-hold)/.test(path(world)) && verb !== 'delete' ? { reason: 'x' } : undefined;
      const body = path(world).includes('bulk-')
        ? { ids: [world.live] }
        : path(world).includes('policies') && verb === 'post'
          ? ROUTES['a new retention policy']!.right(world)
          : needsBody;
      const answer = await ask(isForRoot ? 'root' : 'ada', verb, path(world), body, headers);
      expectProblem(answer, { status: 400, code: 'invalid_request', pointer });
    },
  );

  it.each(['wait=-1', ';,;', 'respond-sync', '', 'respond-async=', '"respond-async"', 'x'.repeat(4_000)])(
    'Prefer: %.20s is passed over where it means nothing, and so is a preview',
    async (prefer) => {
      const answer = await ask('ada', 'delete', `/api/deployment/${world.live}?dry_run=true`, undefined, { Prefer: prefer });
      expect([answer.status, answer.headers['preference-applied']]).toEqual([200, undefined]);
    },
  );

  describe.each(ID_ROUTES.map(([verb, path, kind, body]) => [verb, path('{id}'), path, kind, body] as const))(
    '%s %s',
    (verb, _shown, path, kind, body) => {
      it('takes nothing for an id that is none', async () => {
        for (const id of NO_IDS) {
          const answer = await ask('root', verb, path(id), body);
          expect([id, answer.status < 500 && answer.status >= 400]).toEqual([id, true]);
          expect(['not_found', 'invalid_request', 'invalid_deployment_id']).toContain(answer.body.code);
        }
      });

      it('knows the ids of its own kind only', async () => {
        const others = Object.entries(world).filter(
          ([other]) => !(kind === 'live' || kind === 'gone' ? ['live', 'gone'] : [kind]).includes(other),
        );
        for (const [other, id] of [...others, ['user', await t.userId('ada')], ['nobody', UNKNOWN_ID]] as [string, string][]) {
          if (path(id).includes('/emails/') || path(id).includes('redeliver') || other !== kind)
            expect([other, (await ask('root', verb, path(id), body)).status]).toEqual([other, 404]);
        }
      });
    },
  );

  it('a body is refused where there is none, so that none can be thought to count', async () => {
    const { live, gone, operation, policy } = world;
    const routes: [Verb, string][] = [
      ['delete', `/api/deployment/${live}`],
      ['delete', `/api/deployment/${live}/protection`],
      ['delete', `/api/deployment/${live}/legal-hold`],
      ['post', `/api/operations/${operation}/confirm`],
      ['post', `/api/operations/${operation}/cancel`],
      ['delete', `/api/admin/deployment/${gone}?override_retention=true&reason=x`],
      ['delete', `/api/admin/retention-policies/${policy}`],
    ];
    for (const [verb, path] of routes) expect([path, (await ask('root', verb, path, { dry_run: true })).status]).toEqual([path, 422]);
  });
});
