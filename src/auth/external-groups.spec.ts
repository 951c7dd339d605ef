import { groupsOf } from './external-groups';

const BASE = { sub: 's', jti: 'j', iat: 0, exp: 1 };

describe('groupsOf', () => {
  it.each([
    [{ groups: ['b', 'a', 'b'] }, 'groups', ['a', 'b']],
    [{ groups: 'one' }, 'groups', ['one']],
    [{}, 'groups', []],
    [{ realm_access: { roles: ['x'] } }, 'realm_access.roles', ['x']],
    [{ resource_access: { 'fog.example.com': { roles: ['x'] } } }, 'resource_access.fog.example.com.roles', ['x']],
    [{ resource_access: { fog: {} } }, 'resource_access.fog.roles', []],
    [{ groups: null }, 'groups', []],
    [{ groups: '' }, 'groups', []],
    [{ groups: [] }, 'groups', []],
    [
      { groups: ['/admins', '/admins/edge', 'S-1-5-32-544', 'CN=Fog,OU=Groups'] },
      'groups',
      ['/admins', '/admins/edge', 'CN=Fog,OU=Groups', 'S-1-5-32-544'],
    ],
    [{}, 'constructor', []],
    [{ 'https://a.b/groups': ['y'] }, 'https://a.b/groups', ['y']],
  ])('reads %j', (claims, name, groups) => {
    expect(groupsOf({ ...BASE, ...claims }, name)).toEqual({ groups });
  });

  it.each([
    [{ groups: [1] }, /no list of names/],
    [{ groups: Array.from({ length: 201 }, (_unused, n) => `g${String(n)}`) }, /names 201 groups/],
    [{ _claim_names: { groups: 'src1' } }, /sends a hint/],
    [{ hasgroups: true }, /sends a hint/],
  ])('does not know the groups of %j', (claims, words) => {
    expect(groupsOf({ ...BASE, ...claims }, 'groups')).toEqual({ unknown: expect.stringMatching(words) });
  });
});
