import { bearerToken, hasCredentials } from './bearer-token';

const request = (...rawHeaders: string[]) => ({ raw: { rawHeaders } });

describe('bearerToken', () => {
  it('takes the token of the one header, with its scheme in any case', () => {
    expect(bearerToken(request('Host', 'x', 'AUTHORIZATION', 'bEaReR  a.b-c_d~e+f/g='))).toBe('a.b-c_d~e+f/g=');
  });

  it('takes one with as many groups as Entra ID names', () => {
    const token = 'a'.repeat(13_000);
    expect(bearerToken(request('Authorization', `Bearer ${token}`))).toBe(token);
  });

  it.each([
    ['no header', []],
    ['two headers', ['Authorization', 'Bearer a', 'authorization', 'Bearer a']],
    ['another scheme', ['Authorization', 'Basic a']],
    ['no token', ['Authorization', 'Bearer ']],
    ['two tokens', ['Authorization', 'Bearer a b']],
    ['a very long one', ['Authorization', `Bearer ${'a'.repeat(17_000)}`]],
    ['a value that looks like the name', ['X', 'Authorization', 'Y', 'Bearer a']],
  ])('finds none with %s', (_name, headers) => {
    expect(bearerToken(request(...headers))).toBeNull();
  });

  it('knows whether anything was sent at all', () => {
    expect(hasCredentials(request('Authorization', 'Basic a'))).toBe(true);
    expect(hasCredentials(request('Host', 'x'))).toBe(false);
  });
});
