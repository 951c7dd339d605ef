import { checkedClaims, outlineOf } from './jwt-format';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (header: unknown, payload: unknown = { iss: 'me' }): string => `${encode(header)}.${encode(payload)}.c2ln`;

describe('outlineOf', () => {
  it('tells what a token says of itself', () => {
    expect(outlineOf(token({ alg: 'HS256', typ: 'JWT', kid: 'a' }))).toEqual({ alg: 'HS256', kid: 'a', issuer: 'me' });
    expect(outlineOf(token({ alg: 'HS256' }))).toEqual({ alg: 'HS256', kid: undefined, issuer: 'me' });
  });

  it.each([
    ['no parts', ''],
    ['two parts', 'e30.e30'],
    ['an empty signature', `${encode({ alg: 'HS256' })}.${encode({ iss: 'me' })}.`],
    ['padding', `${token({ alg: 'HS256' })}=`],
    ['bits behind the last byte', token({ alg: 'HS256' }).replace(/c2ln$/, 'c2lnZB')],
    ['a header that is a list', token([])],
    ['a header that is null', token(null)],
    ['a payload that is text', token({ alg: 'HS256' }, 'text')],
    ['no algorithm', token({})],
    ['no issuer', token({ alg: 'HS256' }, {})],
    ['a wrong type', token({ alg: 'HS256', typ: 'dpop+jwt' })],
    ['a null type', token({ alg: 'HS256', typ: null })],
    ['a critical header', token({ alg: 'HS256', crit: [] })],
    ['b64', token({ alg: 'HS256', b64: true })],
    ['a key', token({ alg: 'HS256', jwk: {} })],
  ])('refuses %s', (_name, text) => {
    expect(outlineOf(text)).toBeNull();
  });
});

describe('checkedClaims', () => {
  const NOW = 1_800_000_000;
  const good = { iss: 'me', aud: 'you', sub: 's', jti: 'j', iat: NOW, exp: NOW + 60 };

  it('accepts complete claims, with a clock that is up to a minute off', () => {
    expect(checkedClaims(good, NOW)).toEqual(good);
    expect(checkedClaims({ ...good, aud: ['you', 'others'] }, NOW - 60)).not.toBeNull();
  });

  it.each([
    ['iat more than a minute ahead', { iat: NOW + 61, exp: NOW + 90 }],
    ['exp before iat', { exp: NOW - 1 }],
    ['a life of more than a day', { exp: NOW + 86_401 }],
    ['exp without end', { exp: Number.POSITIVE_INFINITY }],
    ['an empty audience', { aud: [] }],
    ['an audience of numbers', { aud: [1] }],
    ['an empty subject', { sub: '' }],
    ['a long subject', { sub: 'x'.repeat(256) }],
    ['a subject with NUL', { sub: 'a\0' }],
  ])('refuses %s', (_name, over) => {
    expect(checkedClaims({ ...good, ...over }, NOW)).toBeNull();
  });

  it.each(['iss', 'aud', 'sub', 'jti', 'iat', 'exp'])('refuses claims without %s', (name) => {
    expect(checkedClaims({ ...good, [name]: undefined }, NOW)).toBeNull();
  });
});
