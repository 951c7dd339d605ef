import { aSpec, reaches, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const DEPLOY = '/api/deployment/deploy';
const PORTS = [
  { container_port: 8080, protocol: 'tcp' },
  { container_port: 53, protocol: 'udp' },
];
const TIMES = { interval_seconds: 10, timeout_seconds: 5, retries: 3, start_period_seconds: 0 };

describe('health checks', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const deploy = async (health_check: unknown, more: Record<string, unknown> = {}): Promise<string> => {
    const { body } = await t
      .as('ada')
      .post(DEPLOY)
      .send(aSpec({ ports: PORTS, health_check, ...more }))
      .expect(202);
    return (body as { deployment_id: string }).deployment_id;
  };
  const remove = (id: string) => t.as('ada').delete(`/api/deployment/${id}`).expect(200);

  it.each([
    [{ http: { port: 8080 } }, { http: { port: 8080, path: '/', expect_status: '200-399' }, ...TIMES }],
    [
      { http: { port: 8080, path: '/healthz?full=1', expect_status: 204 }, interval_seconds: 1 },
      { http: { port: 8080, path: '/healthz?full=1', expect_status: '204' }, ...TIMES, interval_seconds: 1 },
    ],
    [
      { tcp: { port: 8080 }, http: null, command: null },
      { tcp: { port: 8080 }, ...TIMES },
    ],
    [{ command: ['true'] }, { command: ['true'], ...TIMES }],
  ])('are shown as they were asked for, and what is shown makes the same again: %j', async (asked, shown) => {
    const id = await deploy(asked);
    const { body } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    const detail = body as { health_check: unknown; spec: Record<string, unknown> };
    expect(detail.health_check).toEqual(shown);
    expect(detail.spec.health_check).toEqual(shown);
    await remove(id);
    const again = await t.as('ada').post(DEPLOY).send(detail.spec).expect(202);
    const { deployment_id: twin } = again.body as { deployment_id: string };
    expect((await t.as('ada').get(`/api/deployment/${twin}`).expect(200)).body).toMatchObject({ health_check: shown });
    await remove(twin);
  });

  it.each([{ http: { port: 8080 } }, { tcp: { port: 8080 } }, { command: ['true'] }])('pass on a simulated engine: %j', async (check) => {
    const id = await deploy(check);
    await reaches(t, 'ada', id, 'running', 'healthy');
    expect((await statusOf(t, 'ada', id)).replicas).toMatchObject([{ status: 'running', healthy: true, reason: null }]);
    await remove(id);
  });

  it.each([{ http: { port: 8080 } }, { command: ['false'] }])('fail with simulated/unhealthy: %j', async (check) => {
    const id = await deploy(check, { container_image: 'simulated/unhealthy:1' });
    const failed = await until(
      async () => (await statusOf(t, 'ada', id)).replicas.find((replica: { status: string }) => replica.status === 'failed'),
      { what: 'a replica to fail' },
    );
    expect(failed).toMatchObject({ healthy: false, reason: expect.stringContaining('Health check fails') as string });
    await remove(id);
  });

  const http = (over: Record<string, unknown>) => ({ http: { port: 8080, ...over } });
  it.each<[string, unknown, string]>([
    ['two kinds', { http: { port: 8080 }, tcp: { port: 8080 } }, '/health_check'],
    ['a command beside a port', { command: ['true'], tcp: { port: 8080 } }, '/health_check'],
    ['no kind', { interval_seconds: 5 }, '/health_check'],
    ['a port that the deployment does not have', { http: { port: 81 } }, '/health_check/http/port'],
    ['a udp port', { tcp: { port: 53 } }, '/health_check/tcp/port'],
    ['no port', { tcp: {} }, '/health_check/tcp/port'],
    ['port 0', { tcp: { port: 0 } }, '/health_check/tcp/port'],
    ['a port as text', { tcp: { port: '8080' } }, '/health_check/tcp/port'],
    ['a path without a slash', http({ path: 'healthz' }), '/health_check/http/path'],
    ['a URL for a path', http({ path: 'http://10.0.0.1/' }), '/health_check/http/path'],
    ['an empty path', http({ path: '' }), '/health_check/http/path'],
    ['a line break in the path', http({ path: '/\r\nHost: other' }), '/health_check/http/path'],
    ['a control character in the path', http({ path: '/\u0007' }), '/health_check/http/path'],
    ['a space in the path', http({ path: '/a b' }), '/health_check/http/path'],
    ['a fragment', http({ path: '/a#b' }), '/health_check/http/path'],
    ['a path beyond ASCII', http({ path: '/ä' }), '/health_check/http/path'],
    ['a long path', http({ path: `/${'a'.repeat(300)}` }), '/health_check/http/path'],
    ['a status that is none', http({ expect_status: '600' }), '/health_check/http/expect_status'],
    ['an empty range', http({ expect_status: '399-200' }), '/health_check/http/expect_status'],
    ['a list of statuses', http({ expect_status: [200] }), '/health_check/http/expect_status'],
    ['a host to go to', http({ host: '10.0.0.1' }), '/health_check/http/host'],
    ['an interval below a second', { tcp: { port: 8080 }, interval_seconds: 0 }, '/health_check/interval_seconds'],
  ])('are refused with %s', async (_what, health_check, pointer) => {
    const { body } = await t
      .as('ada')
      .post(DEPLOY)
      .send(aSpec({ ports: PORTS, health_check }))
      .expect(422);
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
  });
});
