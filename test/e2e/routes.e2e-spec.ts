import { aSpec, deployed } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

const ports = [
  { container_port: 8080, protocol: 'tcp' },
  { container_port: 53, protocol: 'udp' },
];

describe('routes of deployments', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROUTES_ALLOWED_DOMAINS: 'shop.example' } });
    await t.token('root', { admin: true });
  });
  afterAll(() => t?.close());

  const deploy = (user: string, over: object) =>
    t
      .as(user)
      .post('/api/deployment/deploy')
      .send(aSpec({ ports, ...over }));
  const routesOf = async (user: string, id: string, query = ''): Promise<Record<string, unknown>[]> =>
    (await t.as(user).get(`/api/deployment/status/${id}${query}`).expect(200)).body.routes;

  it('are shown with their addresses, and read back as they were asked for', async () => {
    const routes = [{ port: 8080 }, { host: 'Bücher.shop.example.', path_prefix: '/api/', port: 8080 }];
    const { body } = await deploy('ada', { name: 'shown', routes }).expect(202);
    const { body: detail } = await t.as('ada').get(`/api/deployment/${body.deployment_id}`).expect(200);
    expect(detail.routes).toMatchObject([
      { host: 'shown.ada.localhost', path_prefix: '/', port: 8080, url: 'http://shown.ada.localhost/' },
      { host: 'xn--bcher-kva.shop.example', path_prefix: '/api', port: 8080, url: 'http://xn--bcher-kva.shop.example/api' },
    ]);
    expect(detail.spec.routes).toEqual([
      { path_prefix: '/', port: 8080 },
      { host: 'xn--bcher-kva.shop.example', path_prefix: '/api', port: 8080 },
    ]);
  });

  it('are refused with the fault of each, and then nothing is deployed', async () => {
    const routes = [
      { port: 53 },
      { host: '*.shop.example', port: 8080 },
      { host: 'web.bob.localhost', port: 8080 },
      { port: 8080, path_prefix: '/a/../b' },
    ];
    const { body } = await deploy('ada', { name: 'refused', routes }).expect(422);
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/routes/0/port',
      '/routes/1/host',
      '/routes/2/host',
      '/routes/3/path_prefix',
    ]);
    expect((await t.as('ada').get('/api/deployment/list?name=refused').expect(200)).body).toEqual([]);
  });

  it.each(['taken.shop.example', 'TAKEN.shop.example.', 'ｔaken.shop.example'])(
    '%s is given to one owner only, whatever the path',
    async (host) => {
      await deploy('ada', { name: 'taken', routes: [{ host: 'taken.shop.example', port: 8080 }] });
      const { body } = await deploy('bob', { name: 'taken', routes: [{ host, path_prefix: '/mine', port: 8080 }] }).expect(409);
      expect(body.code).toBe('route_taken');
      expect(JSON.stringify(body)).not.toMatch(/\bada\b/);
      await t
        .as('bob')
        .post('/api/deployment/deploy/preview')
        .send(aSpec({ ports, name: 'taken', routes: [{ host, port: 8080 }] }))
        .expect(409);
    },
  );

  it('of two deployments that ask for one at once, one gets it', async () => {
    const ask = (user: string) => deploy(user, { name: 'raced', routes: [{ host: 'raced.shop.example', port: 8080 }] });
    const statuses = await Promise.all(['ada', 'bob', 'cyd', 'dan'].map(async (user) => (await ask(user)).status));
    expect(statuses.sort()).toEqual([202, 409, 409, 409]);
  });

  it('are free for others once their deployment is deleted, which a restore then says', async () => {
    const route = { host: 'freed.shop.example', port: 8080 };
    const id = await deployed(t, 'ada', { name: 'freed', ports, routes: [route, { port: 8080 }] });
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    expect(await routesOf('ada', id, '?include_deleted=true')).toMatchObject([{ state: 'removed' }, { state: 'removed' }]);
    await deploy('bob', { name: 'freed', routes: [route] }).expect(202);
    const { body } = await t.as('ada').post(`/api/deployment/${id}/restore`).send({}).expect(202);
    expect(body.routes_lost).toEqual(['freed.shop.example/']);
    expect(await routesOf('ada', id)).toMatchObject([{ host: 'freed.shop.example', state: 'removed' }, { host: 'freed.ada.localhost' }]);
    const { body: detail } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    expect(detail.spec.routes).toEqual([{ path_prefix: '/', port: 8080 }]);
  });
});
