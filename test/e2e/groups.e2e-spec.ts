import { randomUUID } from 'node:crypto';
import { Audit } from '../../src/audit/audit';
import { GroupExpiry } from '../../src/auth/group-expiry';
import { AppConfig } from '../../src/config/app-config';
import type { Tx } from '../../src/database/transaction';
import { GroupRoles } from '../../src/rights/group-roles';
import { bearer } from '../support/auth-users';
import { aSpec, deploy } from '../support/deployments';
import { TestIssuer } from '../support/issuer';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('groups of an identity provider', () => {
  let issuer: TestIssuer;
  let t: TestApp;
  beforeAll(async () => {
    issuer = await new TestIssuer().start();
    t = await startTestApp({ env: { ...issuer.environment, JWT_GROUPS_CLAIM: 'groups' } });
    await t.token('root', { admin: true });
  });
  afterAll(async () => {
    await t?.close();
    await issuer?.stop();
  });

  let minute = 0;
  /** Each is issued after those before it. */
  const tokenOf = (sub: string, groups?: unknown): string => {
    const iat = Math.floor(Date.now() / 1000) - 3_000 + ++minute;
    return issuer.token({ sub, iat, exp: iat + 6_000, preferred_username: sub, ...(groups === undefined ? {} : { groups }) });
  };
  const list = (token: string, id: string) => t.http.get(`/api/projects/${id}`).set(bearer(token));
  const members = async (id: string): Promise<Record<string, object>> => {
    const { body } = await t.as('ada').get(`/api/projects/${id}/members`).expect(200);
    return Object.fromEntries((body as { username: string }[]).map((member) => [member.username, member]));
  };
  const map = (id: string, group: string, role: string) => t.as('root').put(`/api/projects/${id}/groups/${group}`).send({ role });

  it('have roles in projects, which follow the tokens at the next request', async () => {
    const { id, name } = await aProject(t, 'ada');
    const sub = `zoe-${randomUUID()}`;
    await map(id, 'devs', 'deployer').expect(200);
    await map(id, 'leads', 'maintainer').expect(200);
    expect((await t.as('ada').get(`/api/projects/${id}/groups`).expect(200)).body).toMatchObject([
      { group: 'devs', role: 'deployer' },
      { group: 'leads', role: 'maintainer' },
    ]);
    await list(tokenOf(sub), id).expect(404);
    const devs = tokenOf(sub, ['devs', 'others']);
    expect((await list(devs, id).expect(200)).body.role).toBe('deployer');
    await t.http
      .post('/api/deployment/deploy')
      .set(bearer(devs))
      .send(aSpec({ project: name }))
      .expect(202);
    expect((await members(id))[sub]).toMatchObject({ role: 'deployer', direct_role: null, group_role: 'deployer' });
    expect((await list(tokenOf(sub, ['devs', 'leads']), id).expect(200)).body.role).toBe('maintainer');
    // A token of before that changes nothing any more.
    expect((await list(devs, id).expect(200)).body.role).toBe('maintainer');
    await list(tokenOf(sub, []), id).expect(404);
    expect(Object.keys(await members(id))).toEqual(['ada']);
    // Two mappings, and a join, a change and a leave.
    expect((await t.as('ada').get(`/api/projects/${id}`).expect(200)).headers.etag).toMatch(/^"6\./);
  });

  it('follow changes of their role at once, and never make weaker what a member is directly', async () => {
    const { id } = await aProject(t, 'ada');
    const sub = `yan-${randomUUID()}`;
    const token = tokenOf(sub, ['ops']);
    await list(token, id).expect(404);
    await map(id, 'ops', 'viewer').expect(200);
    expect((await list(token, id).expect(200)).body.role).toBe('viewer');
    const deployment = await deploy(t, 'ada', { project: id });
    await t.http.post(`/api/deployment/${deployment}/stop`).set(bearer(token)).expect(403);
    await t.as('ada').put(`/api/projects/${id}/members/${sub}`).send({ role: 'deployer' }).expect(200);
    expect((await members(id))[sub]).toMatchObject({ role: 'deployer', direct_role: 'deployer', group_role: 'viewer' });
    await map(id, 'ops', 'maintainer').expect(200);
    expect((await members(id))[sub]).toMatchObject({ role: 'maintainer', direct_role: 'deployer', group_role: 'maintainer' });
    await t.as('ada').delete(`/api/projects/${id}/members/${sub}`).expect(204);
    expect((await members(id))[sub]).toMatchObject({ role: 'maintainer', direct_role: null, group_role: 'maintainer' });
    expect((await t.as('ada').delete(`/api/projects/${id}/members/${sub}`).expect(409)).body.code).toBe('conflict');
    // The last maintainer who is one without a group stays.
    await t.as('ada').delete(`/api/projects/${id}/members/ada`).expect(409);
    await t.as('ada').put(`/api/projects/${id}/members/${sub}`).send({ role: 'viewer' }).expect(200);
    await t.as('ada').delete(`/api/projects/${id}/groups/ops`).expect(204);
    expect((await members(id))[sub]).toMatchObject({ role: 'viewer', direct_role: 'viewer', group_role: null });
    await t.as('ada').delete(`/api/projects/${id}/groups/ops`).expect(404);
    await t.as('ada').delete(`/api/projects/${id}/members/${sub}`).expect(204);
    await list(token, id).expect(404);
  });

  it('tell who comes and goes by them in events and audit entries: one event a user, and one entry for all who came alike', async () => {
    const { id, name } = await aProject(t, 'ada');
    const [amy, ben] = ['amy', 'ben'].map((each) => `${each}-${randomUUID()}`) as [string, string];
    const tokens = { [amy]: tokenOf(amy, ['night']), [ben]: tokenOf(ben, ['night']) };
    for (const token of Object.values(tokens)) await list(token, id).expect(404);
    await map(id, 'night', 'viewer').expect(200);
    const ids = (await Promise.all([amy, ben].map(idOf))).sort();
    await map(id, 'night', 'deployer').expect(200);
    // What is direct and weaker changes nothing that counts, and neither does its end.
    await t.as('ada').put(`/api/projects/${id}/members/${ben}`).send({ role: 'viewer' }).expect(200);
    await t.as('ada').delete(`/api/projects/${id}/members/${ben}`).expect(204);
    await list(tokenOf(amy, []), id).expect(404);
    expect(await audited(id)).toEqual([
      { actor: 'root', before: { role: null }, after: { role: 'viewer', user_ids: ids } },
      { actor: 'root', before: { role: 'viewer' }, after: { role: 'deployer', user_ids: ids } },
      { actor: null, before: { role: 'deployer' }, after: { role: null, user_ids: [await idOf(amy)] } },
    ]);
    const told = async (token: string): Promise<unknown[]> => {
      const types = 'fog.project.joined,fog.project.role_changed,fog.project.left';
      const { body } = await t.http.get(`/api/events?types=${types}`).set(bearer(token)).expect(200);
      return (body.events as { type: string; data: object }[]).map(({ type, data }) => ({ type, ...data }));
    };
    const of = (type: string, role: string | null) => ({
      type: `fog.project.${type}`,
      project_id: id,
      project: name,
      role,
      by_group: true,
    });
    const stayed = [of('joined', 'viewer'), of('role_changed', 'deployer')];
    await until(async () => (await told(tokens[ben]!)).length >= 2);
    expect(await told(tokens[ben]!)).toEqual(stayed);
    await until(async () => (await told(tokenOf(amy))).length >= 3);
    expect(await told(tokenOf(amy))).toEqual([...stayed, of('left', null)]);
  });

  const idOf = async (username: string): Promise<string> =>
    (await t.dataSource.query<[{ id: string }]>(`SELECT id FROM users WHERE username = $1`, [username]))[0].id;
  const audited = (project: string): Promise<object[]> =>
    t.dataSource.query(
      `SELECT u.username AS actor, a.before, a.after FROM audit_log AS a LEFT JOIN users AS u ON u.id = a.actor_id
        WHERE a.resource_id = $1 AND a.action = 'project.follow_groups' ORDER BY a.id`,
      [project],
    );

  it('that cannot be known give no rights', async () => {
    const { id } = await aProject(t, 'ada');
    const sub = `xia-${randomUUID()}`;
    await map(id, 'devs', 'viewer').expect(200);
    await list(tokenOf(sub, ['devs']), id).expect(200);
    await list(
      tokenOf(
        sub,
        Array.from({ length: 201 }, (_unused, n) => (n === 0 ? 'devs' : `g${String(n)}`)),
      ),
      id,
    ).expect(404);
  });

  it('make a user a member once when mappings and requests race', async () => {
    const { id } = await aProject(t, 'ada');
    const subs = Array.from({ length: 5 }, () => `w-${randomUUID()}`);
    const tokens = subs.map((sub) => tokenOf(sub, ['crowd']));
    await Promise.all([map(id, 'crowd', 'viewer').expect(200), ...tokens.map((token) => t.http.get('/api/auth/me').set(bearer(token)))]);
    for (const token of tokens) await list(token, id).expect(200);
    await Promise.all([t.as('ada').delete(`/api/projects/${id}/groups/crowd`).expect(204), ...tokens.map((token) => list(token, id))]);
    for (const token of tokens) await list(token, id).expect(404);
  });

  it('are mapped by who is in them, so that nobody else learns who is', async () => {
    const { id } = await aProject(t, 'ada');
    await list(tokenOf(`vic-${randomUUID()}`, ['secret']), id).expect(404);
    const put = (token: string, project: string, role: string) =>
      t.http.put(`/api/projects/${project}/groups/secret`).set(bearer(token)).send({ role });
    const refused = await put(await t.token('ada'), id, 'viewer').expect(403);
    expect(refused.body.code).toBe('admin_required');
    expect(Object.keys(await members(id))).toEqual(['ada']);
    const inside = tokenOf(`uma-${randomUUID()}`, ['secret']);
    const own = (
      await t.http
        .post('/api/projects')
        .set(bearer(inside))
        .send({ name: `p-${randomUUID()}` })
        .expect(201)
    ).body as { id: string };
    await put(inside, own.id, 'viewer').expect(200);
    // What has a role has it with the consent of somebody who could give it.
    await map(id, 'secret', 'viewer').expect(200);
    await put(await t.token('ada'), id, 'deployer').expect(200);
  });

  it('do not bring more members than a project may have', async () => {
    const { id } = await aProject(t, 'ada');
    await t.dataSource.query(
      `INSERT INTO users (username, email, external_issuer, external_subject, external_groups, external_groups_at)
       SELECT 'm-' || n, 'm-' || n || '@users.invalid', $1, 'm-' || n, ARRAY['throng'], extract(epoch FROM now())
         FROM generate_series(1, 1000) AS n`,
      [issuer.issuer],
    );
    expect((await map(id, 'throng', 'viewer').expect(409)).body.code).toBe('conflict');
    expect(Object.keys(await members(id))).toEqual(['ada']);
    await t.dataSource.query(`UPDATE users SET external_groups = '{}' WHERE username = 'm-1'`);
    await map(id, 'throng', 'viewer').expect(200);
    expect((await t.as('ada').get(`/api/projects/${id}`).expect(200)).body.members).toBe(1000);
  });

  it('obey the newest token, also when it names the same groups as the one before', async () => {
    const { id } = await aProject(t, 'ada');
    const sub = `tom-${randomUUID()}`;
    await map(id, 'devs', 'viewer').expect(200);
    const now = Math.floor(Date.now() / 1000);
    const issued = (secondsAgo: number, groups: string[]): string => {
      const iat = now - secondsAgo;
      return issuer.token({ sub, iat, exp: iat + 6_000, preferred_username: sub, groups });
    };
    await list(issued(600, ['devs']), id).expect(200);
    await list(issued(100, ['devs']), id).expect(200);
    await list(issued(400, []), id).expect(200);
    await list(issued(50, []), id).expect(404);
  });

  it('end a day after the last token that named them, also for API tokens, and come back with the next', async () => {
    const { id } = await aProject(t, 'ada');
    const sub = `sue-${randomUUID()}`;
    await map(id, 'devs', 'viewer').expect(200);
    const token = tokenOf(sub, ['devs']);
    await list(token, id).expect(200);
    const made = await t.http.post('/api/auth/tokens').set(bearer(token)).send({ name: 'ci' }).expect(201);
    const apiToken = (made.body as { token: string }).token;
    const age = (seconds: number) =>
      t.dataSource.query(`UPDATE users SET external_groups_at = external_groups_at - $2::int WHERE username = $1`, [sub, seconds]);
    const expiry = t.app.get(GroupExpiry, { strict: false });
    await age(80_000);
    await expiry.forgetOld();
    const etag = (await list(apiToken, id).expect(200)).headers.etag;
    await age(7_000);
    expect(await expiry.forgetOld()).toBe(1);
    await list(apiToken, id).expect(404);
    expect((await t.as('ada').get(`/api/projects/${id}`).expect(200)).headers.etag).not.toBe(etag);
    await list(tokenOf(sub, ['devs']), id).expect(200);
    await list(apiToken, id).expect(200);
  });

  it('have no roles without the claim, or from another issuer than the configured one', async () => {
    const without = await startTestApp({ env: issuer.environment });
    const other = await startTestApp({ env: { ...issuer.environment, JWT_GROUPS_CLAIM: 'groups', JWT_ISSUER: 'https://other.test/' } });
    try {
      const { id: elsewhere } = await aProject(without, 'ada');
      await without.token('root', { admin: true });
      await without.as('root').put(`/api/projects/${elsewhere}/groups/devs`).send({ role: 'viewer' }).expect(200);
      const named = issuer.token({ sub: `una-${randomUUID()}`, groups: ['devs'] });
      await without.http.get(`/api/projects/${elsewhere}`).set('Authorization', `Bearer ${named}`).expect(404);
      const { id } = await aProject(t, 'ada');
      await map(id, 'devs', 'viewer').expect(200);
      const sub = `rob-${randomUUID()}`;
      const started = ({ app }: TestApp): Promise<number> =>
        new GroupExpiry(
          t.dataSource,
          app.get(AppConfig),
          t.app.get(GroupRoles, { strict: false }),
          t.app.get(Audit, { strict: false }),
        ).forgetUnconfigured();
      for (const app of [without, other]) {
        await list(tokenOf(sub, ['devs']), id).expect(200);
        expect(await started(t)).toBe(0);
        expect(await started(app)).toBeGreaterThan(0);
        expect((await members(id))[sub]).toBeUndefined();
      }
      await list(tokenOf(sub, ['devs']), id).expect(200);
    } finally {
      await without.close();
      await other.close();
    }
  });

  it('are not kept from being followed by strangers who ask to map them: these are refused without a lock', async () => {
    const { id } = await aProject(t, 'ada', { bob: 'deployer' });
    await t.dataSource.transaction(async (tx) => {
      await t.app.get(GroupRoles, { strict: false }).lock(tx as Tx);
      await t.as('eve').put(`/api/projects/${id}/groups/devs`).send({ role: 'viewer' }).expect(404);
      await t.as('bob').delete(`/api/projects/${id}/groups/devs`).expect(403);
    });
  });

  it('are followed with the locks of everybody in their order, members before users', async () => {
    const { id } = await aProject(t, 'ada');
    const sub = `pia-${randomUUID()}`;
    await map(id, 'devs', 'viewer').expect(200);
    await list(tokenOf(sub, ['devs']), id).expect(200);
    const leaving = await t.dataSource.transaction(async (tx) => {
      // As a command of the user does before its commit.
      await tx.query(`SELECT 1 FROM project_members WHERE project_id = $1 FOR SHARE`, [id]);
      const request = list(tokenOf(sub, []), id).then(({ status }) => status);
      await until(async () => {
        const [row] = await t.dataSource.query<{ waits: boolean }[]>(
          `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                             AND query LIKE '%project_members%') AS waits`,
        );
        return row?.waits === true;
      });
      await tx.query(`SELECT 1 FROM users WHERE username = $1 FOR SHARE NOWAIT`, [sub]);
      return { request };
    });
    expect(await leaving.request).toBe(404);
  });

  it('are mapped by maintainers of projects that are not personal', async () => {
    const { id } = await aProject(t, 'ada', { bob: 'deployer' });
    await t.as('bob').put(`/api/projects/${id}/groups/x`).send({ role: 'viewer' }).expect(403);
    await t.as('cyd').put(`/api/projects/${id}/groups/x`).send({ role: 'viewer' }).expect(404);
    await t
      .as('ada')
      .put(`/api/projects/${await t.userId('ada')}/groups/x`)
      .send({ role: 'viewer' })
      .expect(409);
    await map(id, 'x'.repeat(256), 'viewer').expect(404);
  });
});
