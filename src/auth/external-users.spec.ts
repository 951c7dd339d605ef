import { usernameFrom } from './external-users';

describe('usernameFrom', () => {
  it.each([
    [{ preferred_username: 'Ada' }, 'ada'],
    [{ preferred_username: 'ada.lovelace@example.org' }, 'ada-lovelace'],
    [{ preferred_username: 'Žofie Nováková' }, 'z-ofie-nova-kova'],
    [{ preferred_username: '李' }, 'user'],
    [{ preferred_username: 'x' }, 'user-x'],
    [{ preferred_username: '@@@' }, 'user'],
    [{ preferred_username: 7 }, 'auth0-1'],
    [{}, 'auth0-1'],
    [{ preferred_username: 'a'.repeat(80) }, 'a'.repeat(50)],
  ])('makes a name of ours from %j', (claims, name) => {
    const username = usernameFrom({ sub: 'auth0|1', jti: 'j', iat: 0, exp: 1, ...claims });
    expect(username).toBe(name);
    expect(username).toMatch(/^[a-z0-9_-]{3,50}$/);
  });
});
