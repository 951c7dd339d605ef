import { IsIn, IsInt, Max, Min } from 'class-validator';
import { DomainError } from '../problem/domain-error';
import { IsPlainMap, Optional, OptionalOrNull, QueryFlag, QueryInteger, TextField, TextList } from './fields';
import { NestedField, NestedList } from './nested';
import { RequestPipe } from './request.pipe';
import { ThreeDecimals } from './three-decimals';

class Inner {
  @IsInt()
  @Min(1)
  @Max(9)
  size!: number;
}

class Port {
  @IsInt()
  container_port!: number;
}

class Body {
  @TextField({ max: 5, pattern: /^[a-z]+$/, hint: 'have lower-case letters only' })
  name!: string;

  @NestedField(() => Inner)
  inner!: Inner;

  @Optional()
  @IsInt()
  @Min(1)
  @Max(100)
  replicas: number = 1;

  @Optional()
  @ThreeDecimals()
  @Min(0.001)
  @Max(1024)
  cpu?: number;

  @Optional()
  @IsPlainMap({ maxEntries: 2, keyPattern: /^[A-Za-z_]+$/, maxValueLength: 4, multiline: true })
  env?: Record<string, string>;

  @Optional()
  @NestedList(() => Port, { maxEntries: 2 })
  ports?: Port[];

  @Optional()
  @TextList({ maxEntries: 2, max: 3 })
  command?: string[];

  @OptionalOrNull()
  @IsIn(['tcp', 'udp'])
  protocol: string = 'tcp';

  @OptionalOrNull({ orEmpty: true })
  @TextList({ minEntries: 1, maxEntries: 2, max: 3 })
  arguments?: string[];

  @OptionalOrNull({ orEmpty: true })
  @IsPlainMap({ maxEntries: 2, keyPattern: /^[A-Za-z_]+$/, maxValueLength: 4 })
  labels: Record<string, string> = {};
}

class Query {
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  limit: number = 20;

  @Optional()
  @QueryFlag()
  dry_run: boolean = false;

  @Optional()
  @IsIn(['asc', 'desc'])
  order?: string;
}

const pipe = new RequestPipe();
const body = (value: unknown): unknown => pipe.transform(value, { type: 'body', metatype: Body });
const query = (value: unknown): unknown => pipe.transform(value, { type: 'query', metatype: Query });
const problemOf = (read: () => unknown): DomainError => {
  try {
    read();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('accepted');
};
const pointersOf = (read: () => unknown): string[] => problemOf(read).extensions.errors?.map(({ pointer }) => pointer) ?? [];
const good = { name: 'abc', inner: { size: 2 } };

describe('RequestPipe for bodies', () => {
  it('tells every member of a wrong type what it must be, before its range, and each only once', () => {
    const problem = problemOf(() => body({ ...good, inner: { size: '3' }, replicas: 'two', protocol: 3 }));
    expect(problem.extensions.errors).toEqual([
      { pointer: '/inner/size', detail: 'size must be an integer number' },
      { pointer: '/replicas', detail: 'replicas must be an integer number' },
      { pointer: '/protocol', detail: 'protocol must be one of the following values: tcp, udp' },
    ]);
    expect(problemOf(() => body({ ...good, replicas: 101 })).extensions.errors).toEqual([
      { pointer: '/replicas', detail: 'replicas must not be greater than 100' },
    ]);
  });

  it('gives an instance with its defaults', () => {
    const dto = body({ ...good, env: { toString: 'x', valueOf: 'y' } });
    expect(dto).toBeInstanceOf(Body);
    expect(dto).toEqual({ ...good, replicas: 1, env: { toString: 'x', valueOf: 'y' }, protocol: 'tcp', labels: {} });
  });

  it.each([[null], [undefined], [[]], [[good]], ['text'], [3]])('refuses %p as a body', (value) => {
    const problem = problemOf(() => body(value));
    expect([problem.code, problem.extensions.errors]).toEqual([
      'validation_failed',
      [{ pointer: '', detail: 'The body must be a JSON object.' }],
    ]);
  });

  it.each<[string, object, string[]]>([
    ['a missing field', { inner: { size: 2 } }, ['/name']],
    ['null', { ...good, name: null }, ['/name']],
    ['null for a field that has no other meaning for it', { ...good, replicas: null }, ['/replicas']],
    ['a number as text', { ...good, replicas: '3' }, ['/replicas']],
    ['a fraction', { ...good, replicas: 1.5 }, ['/replicas']],
    ['infinity', { ...good, replicas: Infinity }, ['/replicas']],
    ['an unknown field', { ...good, nmae: 'x' }, ['/nmae']],
    ['an unknown field that Object knows', { ...good, toString: 'x' }, ['/toString']],
    ['an unknown nested field', { ...good, inner: { size: 2, zise: 3 } }, ['/inner/zise']],
    ['a nested fault', { ...good, inner: { size: 99 } }, ['/inner/size']],
    ['a missing object', { name: 'abc' }, ['/inner']],
    ['an array for an object', { ...good, inner: [] }, ['/inner']],
    ['an array of objects for an object', { ...good, inner: [{ size: 2 }] }, ['/inner']],
    ['NUL', { ...good, name: 'a\u0000' }, ['/name']],
    ['a lone surrogate', { ...good, env: { A: '\ud800' } }, ['/env']],
    ['a key that breaks the pattern', { ...good, env: { 'A-B': 'x' } }, ['/env']],
    ['too many entries', { ...good, env: { A: '', B: '', C: '' } }, ['/env']],
    ['a value that is no string', { ...good, env: { A: 1 } }, ['/env']],
    ['a map that is an array', { ...good, env: ['x'] }, ['/env']],
    ['a list of primitives', { ...good, ports: [1] }, ['/ports']],
    ['a fault in a list', { ...good, ports: [{ container_port: 1 }, { container_port: 'x' }] }, ['/ports/1/container_port']],
    ['a list that is too long', { ...good, ports: [{}, {}, {}] }, ['/ports']],
    ['a text list with another type', { ...good, command: ['a', 1] }, ['/command']],
  ])('names the field for %s', (_name, value, pointers) => {
    const problem = problemOf(() => body(value));
    expect(problem.code).toBe('validation_failed');
    expect(pointersOf(() => body(value)).slice(0, 1)).toEqual(pointers);
  });

  it.each([
    [{ cpu: '500m' }, 'cpu must be a number with at most three decimals.'],
    [{ cpu: 2_000 }, 'cpu must not be greater than 1024.'],
    [{ replicas: '512Mi' }, 'replicas must be an integer number.'],
  ])('tells of %j that its type is wrong before how large it is', (part, words) => {
    expect(problemOf(() => body({ ...good, ...part })).detail).toBe(words);
  });

  it('takes null, and an empty list where that is said, for a field that is absent: its default holds', () => {
    for (const absent of [
      { protocol: null, arguments: null, labels: null },
      { arguments: [], labels: [] },
    ])
      expect(body({ ...good, ...absent })).toEqual(body(good));
    expect(body(good)).toMatchObject({ protocol: 'tcp', labels: {} });
    for (const name of ['protocol', 'labels']) expect(pointersOf(() => body({ ...good, [name]: ['x'] }))).toEqual([`/${name}`]);
    expect(pointersOf(() => body({ ...good, protocol: [] }))).toEqual(['/protocol']);
  });

  it('never repeats a value of a map, which may be a secret', () => {
    const problem = problemOf(() => body({ ...good, env: { A: 'hunter2\u0000' } }));
    expect(JSON.stringify([problem.detail, problem.extensions])).not.toContain('hunter2');
  });

  it('lists at most ten faults', () => {
    const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x${String(i)}`, i]));
    expect(pointersOf(() => body({ ...good, ...unknown }))).toHaveLength(10);
  });
});

describe('RequestPipe for queries', () => {
  it('converts what the rules say and keeps the defaults', () => {
    expect(query(Object.assign(Object.create(null), { limit: '7', dry_run: 'true' }) as object)).toEqual({ limit: 7, dry_run: true });
    expect(query({})).toEqual({ limit: 20, dry_run: false });
  });

  it('gives everybody parameters of his own, also for a query that came before', () => {
    const first = query({ limit: '9' }) as { limit: number };
    first.limit = 1_000;
    const second = query({ limit: '9' }) as { limit: number };
    expect(second).toEqual({ limit: 9, dry_run: false });
    expect(second.constructor).toBe(first.constructor);
    second.limit = 0;
    expect(query({ limit: '9' })).toEqual({ limit: 9, dry_run: false });
  });

  it.each([
    [{ limit: '' }, 'limit'],
    [{ limit: '1e1' }, 'limit'],
    [{ limit: '101' }, 'limit'],
    [{ limit: ['1', '2'] }, 'limit'],
    [{ dry_run: '1' }, 'dry_run'],
    [{ order: ['asc', 'desc'] }, 'order'],
    [{ lmiit: '3' }, 'lmiit'],
    [JSON.parse('{"__proto__":"x"}') as object, '__proto__'],
    [{ constructor: 'x' }, 'constructor'],
  ])('refuses %p with 400 and the name of the parameter', (value, name) => {
    const problem = problemOf(() => query(value));
    expect([problem.code, problem.extensions.errors?.map(({ pointer }) => pointer)]).toEqual(['invalid_request', [name]]);
  });
});

it('lets single values and custom parameters pass', () => {
  expect(pipe.transform('x', { type: 'param', metatype: String })).toBe('x');
  expect(pipe.transform({ a: 1 }, { type: 'custom', metatype: Body })).toEqual({ a: 1 });
});
