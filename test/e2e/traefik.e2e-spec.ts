import { deployed, expectGone } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const TOKEN = 'a-token-of-traefik-and-of-nobody-else';
const PATH = '/api/routing/traefik';
const ports = [{ container_port: 8080 }];

interface Configuration {
  http: { routers: Record<string, { rule: string }>; services: Record<string, { loadBalancer: { servers: object[] } }> };
}

describe('what Traefik is told', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { LOAD_BALANCER: 'traefik', ROUTING_TOKEN: TOKEN, DRAIN_SECONDS: '1' } });
  });
  afterAll(() => t?.close());

  const ask = (headers: Record<string, string> = {}) => t.http.get(PATH).set({ authorization: `Bearer ${TOKEN}`, ...headers });
  const rules = async (): Promise<string[]> =>
    Object.values(((await ask().expect(200)).body as Configuration).http.routers).map(({ rule }) => rule);
  const says = (rule: string, isThere: boolean): Promise<unknown> =>
    until(async () => (await rules()).includes(rule) === isThere, { what: `${rule} to be ${isThere ? 'there' : 'gone'}` });

  it('is for its own token only: neither for nobody, nor for an administrator', async () => {
    await until(async () => (await ask()).status === 200, { what: 'the tables to be read' });
    for (const authorization of ['', `Bearer ${TOKEN}x`, `Bearer ${await t.token('root', { admin: true })}`]) {
      const { status, body } = await t.http.get(PATH).set({ authorization });
      expect([status, body.code]).toEqual([401, 'unauthenticated']);
      expect(body.detail).toContain('ROUTING_TOKEN');
    }
    await ask().query({ x: '1' }).expect(400);
    await t.http
      .post(PATH)
      .set({ authorization: `Bearer ${TOKEN}` })
      .expect(405);
  });

  it('has the routes of all deployments, and costs nothing when nothing has changed', async () => {
    await deployed(t, 'ada', { name: 'shown', ports, routes: [{ port: 8080 }, { port: 8080, path_prefix: '/api' }] });
    await says('Host(`shown.ada.localhost`)', true);
    expect(await rules()).toContain('Host(`shown.ada.localhost`) && (Path(`/api`) || PathPrefix(`/api/`))');
    const { headers } = await ask().expect(200);
    const { text } = await ask({ 'if-none-match': String(headers.etag) }).expect(304);
    expect(text).toBe('');
    await ask({ 'if-none-match': '"of yesterday"' }).expect(200);
  });

  it('has no route of a deployment that is deleted, which ends once Traefik has asked and had time', async () => {
    const id = await deployed(t, 'ada', { name: 'gone', ports, routes: [{ port: 8080 }] });
    await says('Host(`gone.ada.localhost`)', true);
    const answer = t
      .as('ada')
      .delete(`/api/deployment/${id}`)
      .then(({ status }) => status);
    await says('Host(`gone.ada.localhost`)', false);
    expect([200, 202]).toContain(await answer);
    await expectGone(t.dataSource, id);
  });

  it('stands in the document of the API, as a route that no bearer token of a user opens', async () => {
    const { body } = await t.http.get('/openapi.json').expect(200);
    expect(body.paths[PATH].get).toMatchObject({ operationId: 'traefik_read', security: [] });
  });
});

describe('without Traefik', () => {
  it('nothing is there for it', async () => {
    const t = await startTestApp();
    await t.http
      .get(PATH)
      .set({ authorization: `Bearer ${TOKEN}` })
      .expect(404);
    await t.close();
  });
});
