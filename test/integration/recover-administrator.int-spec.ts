import { administratorNames, recoverAdministrator } from '../../src/accounts/recover-administrator';
import { aUser, anAdmin, bearer, logIn, PASSWORD } from '../support/auth-users';
import { startTestApp, type TestApp } from '../support/test-app';

describe('the recovery of an administrator', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  it('makes the account active and an administrator, with a link that sets the password, and audits that', async () => {
    const user = await aUser(t);
    const before = await logIn(t, user.username, PASSWORD);
    await t.dataSource.query(`UPDATE users SET is_active = false WHERE id = $1`, [user.id]);
    const link = await recoverAdministrator(t.dataSource, user.username.toUpperCase());
    await t.http.post('/api/auth/password-reset/confirm').send({ token: link?.token, password: 'Better-Horse-8' }).expect(204);
    const { accessToken } = await logIn(t, user.username, 'Better-Horse-8');
    await t.http.get('/api/users').set(bearer(accessToken)).expect(200);
    await t.http.get('/api/auth/me').set(bearer(before.accessToken)).expect(401);
    const rows = await t.dataSource.query(`SELECT via FROM audit_log WHERE action = 'user.recover' AND resource_id = $1`, [user.id]);
    expect(rows).toEqual([{ via: 'system' }]);
  });

  it('changes nothing for a name that nobody has, and knows the names of administrators', async () => {
    const admin = await anAdmin(t);
    expect(await recoverAdministrator(t.dataSource, 'nobody')).toBeNull();
    expect(await administratorNames(t.dataSource)).toContain(admin.username);
  });
});
