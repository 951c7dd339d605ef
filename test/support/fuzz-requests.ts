import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import type { OpenApiDocument, Operation, Parameter, Schema } from './openapi-client';
import { earlier, FIELDS, label, PARAMETERS, text, WHOLES } from './fuzz-fields';
import { headersOf, rarely } from './fuzz-headers';
import { encode, hostileSegment, hostileValue, mutate, mutation, type Mutation } from './fuzz-values';

const IDENTITIES = [
  'ada',
  'ada',
  'ada',
  'ada',
  'ada',
  'ada',
  'ada',
  'ada',
  'ada',
  'ada',
  'bob',
  'root',
  'reader',
  'inactive',
  'nobody',
  'forged',
] as const;
const ADMINISTRATORS = ['root', 'root', 'root', 'root', 'root', 'root', 'root', 'root', 'root', 'root', ...IDENTITIES] as const;
export type FuzzIdentity = (typeof IDENTITIES)[number];

/** A request to be sent. `{{pool:n}}` in its texts stands for a value from an earlier answer. */
export interface FuzzRequest {
  readonly operation: Operation;
  readonly identity: FuzzIdentity;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | Buffer | undefined;
}

const NEVER = fc.constant(undefined);

/** Requests of every kind for every operation: valid, faulty and hostile ones. */
export function fuzzRequests(document: OpenApiDocument, operations: readonly Operation[]): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(...operations.map((operation) => ({ weight: weightOf(operation), arbitrary: requestsOf(document, operation) })));
}

/** Hashing a password costs a hundred times as much as any other operation. */
const weightOf = ({ name, method }: Operation): number =>
  /register|login$|password/.test(name)
    ? 2
    : /deploy$|bulk-delete$/.test(name)
      ? 8
      : /\/operations\//.test(name)
        ? 5
        : /deployment_id|\/list/.test(name)
          ? method === 'DELETE'
            ? 2
            : 4
          : 3;

function requestsOf(document: OpenApiDocument, operation: Operation): fc.Arbitrary<FuzzRequest> {
  const body = operation.body ? bodyOf(validOf(document, operation.body, '')) : rarely(bodyOf(fc.constant({})), 12);
  const queries = operation.parameters.filter((parameter) => parameter.in === 'query');
  return fc
    .record({
      identity: fc.constantFrom(...(IS_FOR_ADMINISTRATORS.test(operation.path) ? ADMINISTRATORS : IDENTITIES)),
      ids: fc.array(pathValue(poolOf(operation)), { minLength: 2, maxLength: 2 }),
      query: queries.length > 0 ? queryOf(queries) : rarely(queryOf([]), 15).map((query) => query ?? ''),
      headers: headersOf(operation),
      body,
    })
    .map(({ identity, ids, query, headers, body: sent }) => ({
      operation,
      identity,
      path: operation.path.replaceAll(/\{[^}]+\}/g, () => ids[0] ?? '') + queryText(operation, query),
      headers: { ...(sent ? { 'Content-Type': 'application/json' } : {}), ...sent?.headers, ...headers },
      body: sent?.content,
    }));
}

/** Whoever waits without a limit waits as long as the run is patient. */
function queryText({ path }: Operation, query: string): string {
  const limited = path.endsWith('/wait') && !query.includes('timeout=') ? `${query}${query === '' ? '' : '&'}timeout=0` : query;
  return limited === '' ? '' : `?${limited}`;
}

/** Where ids for an operation come from; the first match counts. */
const POOLS: readonly (readonly [path: RegExp, pool: string])[] = [
  [/\/(restore|deletion)$|\/admin\/deployment\//, 'deleted'],
  [/\/force-release$/, 'silent'],
  [/\/orphans\/.*adopt/, 'adoptable'],
  [/\/orphans/, 'orphan'],
  [/\/operations\/.*(confirm|cancel)$/, 'waiting'],
  [/\/operations/, 'operation'],
  [/\/retention-policies/, 'policy'],
  [/\/webhooks/, 'webhook'],
  [/\/emails/, 'email'],
  [/\/deliveries/, 'delivery'],
  [/\/start$/, 'start'],
  [/\/retry$/, 'retry'],
  [/\/restart$/, 'restart'],
  [/\/rollback$/, 'rollback'],
  [/\/rollout\/pause$/, 'pause'],
  [/\/rollout\/resume$/, 'resume'],
  [/\/rollout\/abort$/, 'abort'],
  [/\/scale\//, 'scale'],
  [/\/nodes/, 'node'],
  [/\/named\//, 'name'],
  [/\/projects/, 'project'],
  [/\/users/, 'user'],
  [/\/tokens/, 'token'],
];
const poolOf = ({ path }: Operation): string => POOLS.find(([pattern]) => pattern.test(path))?.[1] ?? 'deployment';
const IS_FOR_ADMINISTRATORS = /nodes|users|admin|legal-hold|force-release|confirm$|quota$|^\/metrics$/;

const pathValue = (pool: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: earlier(pool, 7) },
    { weight: 1, arbitrary: earlier('deployment', 61) },
    { weight: 1, arbitrary: fc.uuid() },
    {
      weight: 1,
      arbitrary: fc.constantFrom('deployment', 'deleted', 'operation', 'webhook', 'node', 'user', 'token').map((other) => `{{${other}:0}}`),
    },
    { weight: 1, arbitrary: hostileSegment.filter((segment) => segment !== '') },
  );

function queryOf(parameters: readonly Parameter[]): fc.Arbitrary<string> {
  const right = parameters.map((parameter) =>
    fc.oneof(
      { weight: 2, arbitrary: NEVER },
      { weight: 1, arbitrary: rightParameter(parameter).map((value) => `${parameter.name}=${value}`) },
    ),
  );
  const names = [...parameters.map(({ name }) => name), 'fields', 'sort', 'constructor', '__proto__', 'toString', 'a[b]', 'limit[]'];
  const wrong = fc.tuple(fc.oneof(fc.constantFrom(...names), hostileSegment), hostileSegment).map(([name, value]) => `${name}=${value}`);
  return fc
    .tuple(
      fc.tuple(...right),
      fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(wrong, { minLength: 1, maxLength: 3 }) }),
    )
    .map(([some, others]) => [...some.filter((part) => part !== undefined), ...others].join('&'));
}

function rightParameter({ name, schema }: Parameter): fc.Arbitrary<string> {
  const hint = PARAMETERS[name];
  if (hint) return hint;
  if (name === 'after' && schema.format !== 'date-time') return fc.constantFrom('0', '1', '50', 'latest');
  if (schema.enum) return fc.constantFrom(...schema.enum).map(String);
  if (schema.type === 'boolean') return fc.constantFrom('true', 'false');
  if (schema.type === 'integer') return fc.integer({ min: Number(schema.minimum ?? 0), max: Number(schema.maximum ?? 1_000) }).map(String);
  if (schema.format === 'date-time')
    return fc
      .date({ min: new Date('1990-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => encode(date.toISOString()));
  return text(/^[a-z0-9_%]{1,8}$/).map(encode);
}

interface Sent {
  readonly content: string | Buffer;
  readonly headers?: Record<string, string>;
}

/** Half of the bodies are valid, most others are changed in one or two places, and some are not JSON any more. */
function bodyOf(right: fc.Arbitrary<unknown>): fc.Arbitrary<Sent> {
  const plain = right.map((value): Sent => ({ content: JSON.stringify(value) }));
  const mutated = fc.tuple(right, fc.array(mutation, { minLength: 1, maxLength: 2 })).map(([value, changes]): Sent => ({
    content: JSON.stringify(changes.reduce((before: unknown, change: Mutation) => mutate(before, change), value)) ?? '',
  }));
  const other = hostileValue.map((value): Sent => ({ content: JSON.stringify(value) }));
  const broken = fc
    .tuple(right, fc.nat(), fc.integer({ min: 0, max: 8 }))
    .map(([value, at, how]) => breakText(JSON.stringify(value), at, how));
  return fc.oneof(
    { weight: 10, arbitrary: plain },
    { weight: 8, arbitrary: mutated },
    { weight: 1, arbitrary: other },
    { weight: 2, arbitrary: broken },
  );
}

function breakText(right: string, at: number, how: number): Sent {
  const place = at % (right.length + 1);
  const insert = (what: string | Buffer): Buffer =>
    Buffer.concat([Buffer.from(right.slice(0, place)), Buffer.from(what), Buffer.from(right.slice(place))]);
  switch (how) {
    case 0:
      return { content: right.slice(0, place) };
    case 1:
      return { content: insert('\0') };
    case 2:
      return { content: insert(Buffer.from([0xff, 0xc0, 0x80])) };
    case 3:
      return { content: right.replace('{', `{${right.slice(1, -1)},`) };
    case 4:
      return { content: `${'['.repeat(3_000)}${right}${']'.repeat(3_000)}` };
    case 5:
      return { content: `[${'{},'.repeat(80_000)}{}]` };
    case 6:
      return { content: gzipSync(right), headers: { 'Content-Encoding': 'gzip' } };
    case 7:
      return { content: `${right}${' '.repeat(260 * 1024)}` };
    default:
      return { content: insert('\ufeff') };
  }
}

/** A value that the schema allows. */
function validOf(document: OpenApiDocument, schema: Schema, name: string): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const found = document.components.schemas[schema.$ref.replace('#/components/schemas/', '')];
    if (!found) throw new Error(`the document has no ${schema.$ref}`);
    const any = validOf(document, found, name);
    const whole = WHOLES[schema.$ref.split('/').at(-1) ?? ''];
    return whole ? fc.oneof(any, whole, whole) : any;
  }
  if (schema.allOf?.[0]) return validOf(document, schema.allOf[0], name);
  const hint = FIELDS[name];
  if (hint) return hint;
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'object':
      return objectOf(document, schema);
    case 'array':
      return fc.array(validOf(document, schema.items ?? {}, ''), { minLength: 1, maxLength: 3 });
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: Number(schema.minimum ?? 0), max: Number(schema.maximum ?? 1_000) });
    case 'number':
      return fc.integer({ min: Number(schema.minimum ?? 0) * 1_000, max: Number(schema.maximum ?? 1_000) * 1_000 }).map((n) => n / 1_000);
    case undefined:
    default:
      return stringOf(schema);
  }
}

function objectOf(document: OpenApiDocument, { properties = {}, required = [], additionalProperties }: Schema): fc.Arbitrary<unknown> {
  if (typeof additionalProperties === 'object') return fc.dictionary(label, validOf(document, additionalProperties, ''), { maxKeys: 3 });
  const values = Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, validOf(document, part, name)]));
  return fc.record(values, { requiredKeys: [...required] });
}

function stringOf({ pattern, maxLength, minLength, format }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  const short = Math.min(24, Number(maxLength ?? 24));
  if (typeof pattern === 'string')
    return text(new RegExp(pattern)).filter((value) => value.length >= Number(minLength ?? 1) && value.length <= Number(maxLength ?? 24));
  return text(new RegExp(`^[a-zA-Z0-9]{${String(Math.max(1, Number(minLength ?? 1)))},${String(short)}}$`));
}
