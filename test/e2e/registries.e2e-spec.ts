import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SecretBox } from '../../src/common/crypto/secret-box';
import { RegistriesRepository } from '../../src/secrets/registries.repository';
import { RegistryCredentials } from '../../src/secrets/registry-credentials';
import { REGISTRY_RESOLVER, RegistryCheck } from '../../src/secret-routes/registry-check';
import { deploy } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const basicOf = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const RIGHT = basicOf('puller', 'right');

/** Speaks as registries do about credentials: with user names and passwords, or by a token service beside it. */
async function aRegistry(kind: 'basic' | 'token' | 'open' | 'redirects'): Promise<{ host: string; asked: string[]; server: Server }> {
  const asked: string[] = [];
  const server = createServer(({ url = '', headers }, answer) => {
    asked.push(`${url.split('?')[0] ?? ''} ${headers.authorization?.split(' ')[0] ?? 'nothing'}`);
    const host = headers.host ?? '';
    if (kind === 'open') return answer.writeHead(200).end('{}');
    if (kind === 'redirects') return answer.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end();
    if (url.startsWith('/token')) {
      return headers.authorization === RIGHT ? answer.writeHead(200).end('{"token":"abc"}') : answer.writeHead(401).end();
    }
    const wanted = kind === 'basic' ? RIGHT : 'Bearer abc';
    const challenge = kind === 'basic' ? 'Basic realm="r"' : `Bearer realm="http://${host}/token",service="registry"`;
    return headers.authorization === wanted
      ? answer.writeHead(200).end('{}')
      : answer.writeHead(401, { 'WWW-Authenticate': challenge }).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

describe('registries', () => {
  let t: TestApp;
  let project: string;
  const servers: Record<string, Awaited<ReturnType<typeof aRegistry>>> = {};
  beforeAll(async () => {
    for (const kind of ['basic', 'token', 'open', 'redirects'] as const) servers[kind] = await aRegistry(kind);
    const own = Object.values(servers).map(({ host }) => host);
    t = await startTestApp({ env: { ALLOWED_REGISTRIES: ['docker.io', 'ghcr.io/acme', '*.example.org', ...own].join(',') } });
    ({ id: project } = await aProject(t, 'ada', { ben: 'deployer', vic: 'viewer' }));
  });
  afterAll(async () => {
    await t?.close();
    for (const { server } of Object.values(servers)) server.close();
  });

  const path = (name: string): string => `/api/projects/${project}/registries/${name}`;
  const credential = (over: object = {}): object => ({ server: 'docker.io', username: 'puller', password: 'very-secret-token', ...over });

  it('are written by maintainers, and seen by members without their passwords', async () => {
    const made = await t.as('ada').put(path('hub')).send(credential()).expect(200);
    expect(made.body).toMatchObject({ name: 'hub', server: 'docker.io', username: 'puller' });
    const again = await t
      .as('ada')
      .put(path('hub'))
      .send(credential({ username: 'other' }))
      .expect(200);
    const seen = await t.as('vic').get(path('hub')).expect(200);
    expect(seen.body).toEqual(again.body);
    const listed = await t.as('ben').get(`/api/projects/${project}/registries`).expect(200);
    expect(made.text + seen.text + listed.text).not.toContain('very-secret');
    await t.as('ben').put(path('hub')).send(credential()).expect(403);
    await t.as('eve').get(path('hub')).expect(404);
    await t.as('ada').put('/api/admin/registries/all').send(credential()).expect(403);
    const rows = await t.dataSource.query<{ row: string }[]>(`SELECT to_jsonb(r)::text AS row FROM registries AS r`);
    expect(rows.filter(({ row }) => row.includes('very-secret'))).toEqual([]);
    await t.as('ada').delete(path('hub')).expect(204);
    await t.as('ada').delete(path('hub')).expect(404);
  });

  it.each([['https://docker.io'], ['ghcr.io'], ['ghcr.io/other'], ['10.0.0.1'], ['localhost'], ['127.0.0.1:22'], ['example.org'], ['a b']])(
    'are refused for %s, from which engines may not pull',
    async (server) => {
      const { body } = await t.as('ada').put(path('refused')).send(credential({ server })).expect(422);
      expect((body as { errors: { pointer: string }[] }).errors[0]?.pointer).toBe('/server');
      await t
        .as('ada')
        .post(`${path('refused')}/preview`)
        .send(credential({ server }))
        .expect(422);
    },
  );

  it.each(['basic', 'token'] as const)('are asked by a preview whether they accept a credential (%s)', async (kind) => {
    const { host, asked } = servers[kind]!;
    const ask = async (password: string) =>
      (
        await t
          .as('ada')
          .post(`${path('asked')}/preview`)
          .send(credential({ server: host, password }))
          .expect(200)
      ).body as object;
    expect(await ask('right')).toMatchObject({ dry_run: true, result: 'accepted' });
    expect(await ask('wrong')).toMatchObject({ dry_run: true, result: 'refused' });
    expect(asked.length).toBeGreaterThan(3);
    await t.as('ada').get(path('asked')).expect(404);
  });

  it('of which a preview can tell nothing are told so, and redirects are not followed', async () => {
    const ask = async (server: string) =>
      (
        await t
          .as('ada')
          .post(`${path('asked')}/preview`)
          .send(credential({ server }))
          .expect(200)
      ).body as { result: string };
    expect(await ask(servers.open!.host)).toMatchObject({ result: 'unknown', message: 'The registry asks nobody for a credential' });
    expect(await ask(servers.redirects!.host)).toMatchObject({ result: 'unknown', message: 'The registry answered 302' });
    expect(servers.redirects!.asked).toHaveLength(1);
  });

  it('are no door to the network of the operator, where an asterisk matches their names', async () => {
    const inside = servers.basic!;
    const before = inside.asked.length;
    expect(t.app.get(REGISTRY_RESOLVER, { strict: false })).toBeInstanceOf(Function);
    const check = new RegistryCheck({ ALLOWED_REGISTRIES: '*.example.org' } as never, () =>
      Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    );
    const verdict = await check.ask({ server: 'inner.example.org', username: 'a', password: 'b' });
    expect(verdict).toEqual({
      state: 'unknown',
      detail: 'The registry does not have a public address, and ALLOWED_REGISTRIES does not name it',
    });
    expect(inside.asked.length).toBe(before);
  });

  it('of the installation are seen by administrators, and asked by a preview, as those of a project are', async () => {
    const { host } = servers.token!;
    const root = t.as('root', { admin: true });
    const at = '/api/admin/registries/seen';
    await root.get(at).expect(404);
    const ask = async (password: string) =>
      (
        await root
          .post(`${at}/preview`)
          .send(credential({ server: host, password }))
          .expect(200)
      ).body as object;
    expect(await ask('right')).toMatchObject({ dry_run: true, result: 'accepted' });
    expect(await ask('wrong')).toMatchObject({ dry_run: true, result: 'refused' });
    await root.get(at).expect(404);
    const { body: made } = await root
      .put(at)
      .send(credential({ server: host }))
      .expect(200);
    const seen = await root.get(at).expect(200);
    expect(seen.body).toEqual(made);
    expect(seen.text).not.toContain('very-secret');
    await root
      .post(`${at}/preview`)
      .send(credential({ server: 'ghcr.io/other' }))
      .expect(422);
    await t.as('ada').get(at).expect(403);
    await t.as('ada').post(`${at}/preview`).send(credential()).expect(403);
    await root.delete(at).expect(204);
  });

  it('of the project count before those of the installation, and the most specific ones before both', async () => {
    const put = (place: string, name: string, server: string, username: string) =>
      t.as('root', { admin: true }).put(`${place}/${name}`).send(credential({ server, username })).expect(200);
    await put('/api/admin/registries', 'hub', 'docker.io', 'of-all');
    await put('/api/admin/registries', 'team', 'docker.io/team', 'of-team');
    // Without the two seconds for which a process remembers.
    const userFor = async (projectId: string, image: string): Promise<string | undefined> => {
      const credentials = new RegistryCredentials(t.dataSource, new RegistriesRepository(), t.app.get(SecretBox));
      return (await credentials.for(projectId, image))?.username;
    };
    expect(await userFor(project, 'nginx:1')).toBe('of-all');
    await put(`/api/projects/${project}/registries`, 'hub', 'docker.io', 'of-project');
    expect(await userFor(project, 'nginx:1')).toBe('of-project');
    expect(await userFor(project, 'team/app:1')).toBe('of-team');
    expect(await userFor(await t.userId('eve'), 'nginx:1')).toBe('of-all');
    expect(await userFor(project, 'ghcr.io/acme/a:1')).toBeUndefined();
  });

  it('are told of to maintainers, by name: when they change, and once when a pull fails for which one was used', async () => {
    const told = async (user: string) => {
      const { body } = await t
        .as(user)
        .get('/api/events?types=fog.registry.changed,fog.registry.pull_failed,fog.secret.changed')
        .expect(200);
      return (body as { events: { type: string; data: Record<string, unknown> }[] }).events;
    };
    await t
      .as('ada')
      .put(path('told'))
      .send(credential({ server: 'docker.io/simulated' }))
      .expect(200);
    await t
      .as('ada')
      .put(path('told'))
      .send(credential({ server: 'docker.io/simulated', password: 'next-token' }))
      .expect(200);
    await t.as('ada').put(`/api/projects/${project}/secrets/told`).send({ value: 'very-secret-value' }).expect(200);
    for (let n = 0; n < 2; n++) await deploy(t, 'ben', { project, container_image: 'simulated/missing:1' });
    const mine = () => told('ada').then((events) => events.filter(({ data }) => data.name === 'told'));
    const events = await until(async () => ((await mine()).length === 4 ? mine() : null), { what: 'the events' });
    const common = { project_id: project, name: 'told' };
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['fog.registry.changed', { ...common, project: expect.any(String), change: 'created', changed_by: await t.userId('ada') }],
      ['fog.registry.changed', { ...common, project: expect.any(String), change: 'changed', changed_by: await t.userId('ada') }],
      ['fog.secret.changed', { ...common, project: expect.any(String), change: 'created', changed_by: await t.userId('ada') }],
      ['fog.registry.pull_failed', { ...common, project: expect.any(String), server: 'docker.io/simulated' }],
    ]);
    expect(await told('vic')).toEqual([]);
    const metrics = await t.as('root', { admin: true }).get('/metrics').expect(200);
    expect(metrics.text).toMatch(/fog_image_pulls_failed_total\{credential="shown"\} [1-9]/);
    expect(metrics.text).toMatch(/fog_secret_changes_total\{what="registry",change="changed"\} [1-9]/);
  });

  it('race: of two who set one, the last wins whole; and one that is deleted meanwhile is made anew or gone', async () => {
    const set = (username: string) =>
      t
        .as('ada')
        .put(path('racing'))
        .send(credential({ username, password: `of-${username}` }));
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all([set('one'), set('two'), t.as('ada').delete(path('racing'))]);
      for (const { status } of answers) expect([200, 204, 404]).toContain(status);
      await set('one');
      await Promise.all([set('one'), set('two')]);
      const { body } = await t.as('ada').get(path('racing')).expect(200);
      const { username } = body as { username: string };
      const [row] = await t.dataSource.query<{ id: string; sealed: Buffer }[]>(`SELECT id, sealed FROM registries WHERE name = 'racing'`);
      expect(t.app.get(RegistryCredentials, { strict: false }).open(row!)).toBe(`of-${username}`);
    }
  });
});
