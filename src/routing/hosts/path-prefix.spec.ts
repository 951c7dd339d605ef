import fc from 'fast-check';
import { covers, readPathPrefix } from './path-prefix';

describe('readPathPrefix', () => {
  it.each([
    ['/', '/'],
    ['/api', '/api'],
    ['/api/', '/api'],
    ['/A/b.c/~d', '/A/b.c/~d'],
  ])('reads %s as %s', (text, path) => expect(readPathPrefix(text)).toEqual({ path }));

  it.each([
    '',
    'api',
    '//',
    '/a//b',
    '/a//',
    '/.',
    '/..',
    '/a/../b',
    '/a/./b',
    '/a%2fb',
    '/%61',
    '/a?b',
    '/a#b',
    '/a b',
    '/a\\b',
    '/ä',
    '/a\n',
    `/${'a'.repeat(300)}`,
  ])('refuses %j', (text) => expect(readPathPrefix(text)).toEqual({ fault: expect.any(String) as string }));

  it('gives what reads as itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'/ab.%~') }), (text) => {
        const read = readPathPrefix(text);
        if ('path' in read) expect(readPathPrefix(read.path)).toEqual(read);
      }),
    );
  });
});

describe('covers', () => {
  it('is for the path and for what is below it', () => {
    expect(['/', '/api', '/api/x', '/apis'].map((path) => covers('/api', path))).toEqual([false, true, true, false]);
    expect(covers('/', '/anything')).toBe(true);
  });
});
