import fc from 'fast-check';

/** Texts that often break programs: NUL, control characters, lone surrogates, directions, four bytes, injections, length. */
const HOSTILE_TEXT: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\u0001\u001b[31mred\u001b[0m',
  'line\r\nSet-Cookie: a=b',
  'line\n{"level":"error","msg":"forged"}',
  '\u007f\u0085\u009f',
  '\ud800',
  '\udfff\ud800',
  '\u202egnp.exe\u202c',
  '\u200b\u200d\ufeff',
  '\ufffe\uffff',
  '𝒜🦊🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  'e\u0301'.repeat(200),
  '%00',
  '%s%n%x',
  '%zz',
  '../../etc/passwd',
  '..\\..\\windows',
  "' OR '1'='1",
  "'; DROP TABLE deployments; --",
  '") OR 1=1 --',
  '$1',
  '${7*7}',
  '{{7*7}}',
  '#{7*7}',
  '$(touch pwned)',
  '`id`',
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'true',
  'NaN',
  '-1',
  '1e309',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '2026-02-30T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  'infinity',
  '-infinity',
  'now()',
  'x'.repeat(101),
  'x'.repeat(4_097),
  '界'.repeat(40_000),
];

const HOSTILE_NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  1,
  0.1,
  1.5,
  1e-7,
  5e-324,
  100,
  101,
  10_001,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  2 ** 63,
  1e21,
  1e308,
];

const hostileText = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXT),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme' }),
);

/** Any JSON value, most likely a wrong one. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  {
    weight: 3,
    arbitrary: fc.oneof(fc.constantFrom(...HOSTILE_NUMBERS), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [{}], [null], { $ne: null }, { length: 3 }, { toJSON: 1 }),
  },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 40 }).map(nested) },
  { weight: 1, arbitrary: fc.integer({ min: 60, max: 1_500 }).map((length) => Array.from({ length }, () => 'x')) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 60, max: 1_500 })
      .map((length) => Object.fromEntries(Array.from({ length }, (_u, n) => [`K${String(n)}`, 'v']))),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
);

function nested(levels: number): unknown {
  return Array.from({ length: levels }).reduce<unknown>((inner, _unused, level) => (level % 2 === 0 ? [inner] : { a: inner }), 'x');
}

/** Percent-encoded UTF-8. Lone surrogates have no encoding: they become U+FFFD, as browsers do it. */
export const encode = (text: string): string => encodeURIComponent(Buffer.from(text).toString());

/** Text for a path or a query: percent-encoded, or broken on purpose. */
export const hostileSegment: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: hostileText.map((text) => encode(text).slice(0, 6_000).replace(/%.?$/, '')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '%zz',
      '%',
      '%e2%28%a1',
      '%00',
      '%2e%2e%2f',
      '%ff%fe',
      '%u0041',
      ';a=b',
      'a'.repeat(1_025),
      'a'.repeat(3_000),
    ),
  },
);

/** A header value that Node sends: any byte but control characters. */
export const hostileHeader: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\t',
    '"',
    '{"a":1}',
    "' OR 1=1 --",
    '%0d%0aX: y',
    'a,b',
    'ü',
    '\u00ff\u0080',
    'x'.repeat(129),
    'x'.repeat(256),
    'x'.repeat(4_000),
    'null',
  ),
  fc.stringMatching(/^[\x21-\x7e]{1,60}$/),
);

/** A change of a JSON value in one place. */
export interface Mutation {
  readonly place: number;
  readonly kind: 'replace' | 'remove' | 'add' | 'wrap' | 'rename';
  readonly value: unknown;
  readonly key: string;
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  place: fc.nat(200),
  kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'wrap', 'rename'),
  value: hostileValue,
  key: fc.oneof(
    fc.constantFrom(
      'user_id',
      'userId',
      'status',
      'deleted_at',
      'id',
      'is_admin',
      'generation',
      'node_id',
      'privileged',
      'a/b~c',
      ...HOSTILE_TEXT.slice(0, 40),
    ),
    fc.string(),
  ),
});

/** Returns the value with the change; the original is not changed. */
export function mutate(value: unknown, change: Mutation): unknown {
  const copy = { root: structuredClone(value) };
  const places = placesOf(copy);
  const { holder, key } = places[change.place % places.length] ?? { holder: copy, key: 'root' };
  const present: unknown = Reflect.get(holder, key);
  switch (change.kind) {
    case 'replace':
      put(holder, key, change.value);
      break;
    case 'remove':
      Reflect.deleteProperty(holder, key);
      break;
    case 'add':
      if (typeof present === 'object' && present !== null) put(present, change.key, change.value);
      else put(holder, change.key, change.value);
      break;
    case 'wrap':
      put(holder, key, change.key === '' ? { value: present } : [present]);
      break;
    case 'rename':
      Reflect.deleteProperty(holder, key);
      put(holder, change.key, present);
      break;
  }
  return copy.root;
}

/** As in JSON.parse, `__proto__` becomes an ordinary member. */
const put = (holder: object, key: string, value: unknown): void => {
  Reflect.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
};

function placesOf(holder: object): { holder: object; key: string }[] {
  return Object.keys(holder).flatMap((key) => {
    const value: unknown = Reflect.get(holder, key);
    return [{ holder, key }, ...(typeof value === 'object' && value !== null ? placesOf(value) : [])];
  });
}
