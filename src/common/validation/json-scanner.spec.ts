import fc from 'fast-check';
import { JSON_LIMITS, JsonFault, parseJson } from './json-scanner';

const accepts = (text: string): boolean => {
  try {
    parseJson(text);
    return true;
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    return false;
  }
};
const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const faultOf = (text: string): JsonFault => {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
  throw new Error('accepted');
};

describe('parseJson', () => {
  const quiet = { numRuns: 500 };

  it('gives what JSON.parse gives for every document within the limits', () => {
    const document = fc.jsonValue({ maxDepth: 6 }).filter((value) => !/"(__proto__|constructor)"/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(document, fc.constantFrom(0, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
      quiet,
    );
  });

  it('refuses what JSON.parse refuses, for documents damaged at random', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '"',
      '\\',
      'true',
      'nul',
      '-',
      '0',
      '1',
      '01',
      '.5',
      'e1',
      ' ',
      '\n',
      '\u0000',
      '"\\u00e9"',
      '"\\x"',
      '1e',
      'null',
      '\ufeff',
    );
    const noDuplicates = (text: string): boolean => !/"([ab])"\s*:.*"\1"\s*:/s.test(text);
    fc.assert(
      fc.property(
        fc
          .array(pieces, { maxLength: 12 })
          .map((list) => list.join(''))
          .filter(noDuplicates),
        (text) => {
          expect(accepts(text)).toBe(isJson(text));
        },
      ),
      { numRuns: 5_000 },
    );
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(), fc.string({ maxLength: 2 }), (json, at, noise) => {
        const text = json.slice(0, at % (json.length + 1)) + noise + json.slice((at % (json.length + 1)) + 1);
        if (accepts(text)) expect(isJson(text)).toBe(true);
      }),
      quiet,
    );
  });

  it.each([
    ['{"a":1,"a":2}', '/a', /twice/],
    ['{"x":{"a":1,"\\u0061":2}}', '/x/a', /twice/],
    ['{"a":{"__proto__":{"admin":true}}}', '/a/__proto__', /not allowed/],
    ['{"\\u005f_proto__":1}', '/__proto__', /not allowed/],
    ['{"constructor":{"prototype":{}}}', '/constructor', /not allowed/],
    ['{"a":[1,2,}', '/a/2', /Expected a value/],
    ['{"a/b":{"c~d":tru}}', '/a~1b/c~0d', /Expected a value/],
    ['{"a":1} x', '', /after the end/],
    ['', '', /too early/],
    ['{"a":"\u0001"}', '/a', /control character/],
    ["{'a':1}", '', /double quotes/],
  ])('names the place of the fault in %s', (text, pointer, detail) => {
    const fault = faultOf(text);
    expect(fault.pointer).toBe(pointer);
    expect(fault.detail).toMatch(detail);
  });

  it('accepts a document at each limit and refuses one beyond it', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    const keys = (count: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${String(i)}`, 0])));
    const elements = (count: number): string => JSON.stringify(new Array(count).fill(0));
    const { maxDepth, maxKeys, maxElements } = JSON_LIMITS;

    expect([nested(maxDepth), keys(maxKeys), elements(maxElements)].map(accepts)).toEqual([true, true, true]);
    expect([nested(maxDepth + 1), keys(maxKeys + 1), elements(maxElements + 1)].map(accepts)).toEqual([false, false, false]);
  });

  it.each([
    ['3,000 nested arrays', '['.repeat(3_000) + ']'.repeat(3_000)],
    ['300,000 empty objects', `[${'{},'.repeat(299_999)}{}]`],
    ['a string of 250 kB that never ends', `{"a":"${'x'.repeat(250_000)}`],
    ['250 kB of escapes', `{"a":"${'\\n'.repeat(125_000)}`],
    ['250 kB of digits', '9'.repeat(250_000) + 'x'],
    ['keys of 100 kB', `{"${'k'.repeat(100_000)}":{"${'m'.repeat(100_000)}":[}}`],
  ])('answers %s at once and in few words', (_name, text) => {
    const times = [1, 2, 3, 4].map(() => {
      const begin = performance.now();
      faultOf(text);
      return performance.now() - begin;
    });
    const fault = faultOf(text);
    expect(Math.min(...times)).toBeLessThan(50);
    expect(fault.detail.length + fault.pointer.length).toBeLessThan(400);
  });
});
