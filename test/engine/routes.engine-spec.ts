import { get, request, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { askRoute } from '../support/ask-route';
import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { freePort } from '../support/program';
import { LOADED, serving, servingNothing } from '../support/serving';
import { SteadyLoad } from '../support/steady-load';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const web = (more: Record<string, unknown> = {}): Record<string, unknown> =>
  onDocker({
    ...{ command: serving('hello'), ports: [{ container_port: 8080, protocol: 'tcp' }], routes: [{ port: 8080 }], resources: LOADED },
    ...more,
  });

describeWithEngine('routes on a real engine', () => {
  let product: ProductOnDocker;
  let client: Client;
  let port: number;

  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
    port = await freePort();
    await product.alsoStart({ ROLE: 'router', LOAD_BALANCER: 'builtin', ROUTER_PORT: String(port) });
  });
  afterAll(() => product?.close());

  const isActive = async (id: string, backends: number): Promise<boolean> => {
    const { routes } = (await statusOf(client, id)) as unknown as { routes: { state: string; backends: number }[] };
    return routes.every((route) => route.state === (backends > 0 ? 'active' : 'waiting') && route.backends === backends);
  };
  const untilActive = (id: string, backends: number): Promise<unknown> =>
    until(() => isActive(id, backends), { what: `${String(backends)} replicas to answer` });

  it('lose no request while a deployment grows and shrinks, another is deleted, and the program is killed and starts again', async () => {
    const [id, other] = [await deploy(client, 'steady', web({ replicas: 2 })), await deploy(client, 'other', web())];
    await Promise.all([untilHealthy(client, id, 60_000), untilHealthy(client, other, 60_000)]);
    await untilActive(id, 2);
    await answers('steady.admin.localhost', 200);

    const load = new SteadyLoad(port, 'steady.admin.localhost');
    await client.post(`/api/deployment/scale/${id}`, { replicas: 4 });
    await untilActive(id, 4);
    await client.post(`/api/deployment/scale/${id}`, { replicas: 1 });
    await untilActive(id, 1);
    await until(async () => (await product.containers(id)).length === 1, { what: 'the surplus to be gone' });
    expect(await remove(client, other)).toMatchObject({ status: 200 });
    await product.kill();
    await product.startAgain();
    ({ client } = product);
    await client.post(`/api/deployment/scale/${id}`, { replicas: 2 });
    await untilActive(id, 2);
    await until(() => load.sent > 3_000, { what: 'some thousand requests' });
    await load.stop();

    process.stderr.write(`routes: ${String(load.failures.length)} of ${String(load.sent)} requests failed\n`);
    expect(load.failures).toEqual([]);
    await answers('other.admin.localhost', 404);
    expect(await remove(client, id)).toMatchObject({ status: 200 });
    await answers('steady.admin.localhost', 404);
  });

  it('lose no request while a revision rolls out, another one fails and goes back, and all is restarted', async () => {
    const check = { http: { port: 8080, path: '/' }, interval_seconds: 1 };
    const rollout = { min_healthy_seconds: 1 };
    const id = await deploy(client, 'rolling', web({ replicas: 3, health_check: check, rollout }));
    await untilHealthy(client, id, 60_000);
    await untilActive(id, 3);
    await answers('rolling.admin.localhost', 200);
    const load = new SteadyLoad(port, 'rolling.admin.localhost');

    expect((await client.patch(`/api/deployment/${id}`, { command: serving('second') })).status).toBe(202);
    expect((await finished(id)).state).toBe('completed');
    // It starts, and answers 404 to its health check.
    expect((await client.patch(`/api/deployment/${id}`, { command: servingNothing() })).status).toBe(202);
    const back = await finished(id);
    expect(back).toMatchObject({ state: 'rolled_back', reason: expect.stringContaining('GET / answered 404') });
    expect((await client.post(`/api/deployment/${id}/restart`, {})).status).toBe(202);
    expect((await finished(id)).state).toBe('completed');
    await untilActive(id, 3);
    await load.stop();

    process.stderr.write(`routes: ${String(load.failures.length)} of ${String(load.sent)} requests failed in rollouts\n`);
    expect(load.failures).toEqual([]);
    expect(load.sent).toBeGreaterThan(1_000);
    await remove(client, id);
  });

  const finished = (id: string): Promise<{ state: string; reason: string | null }> =>
    until(
      async () => {
        const { body } = await client.get(`/api/deployment/${id}/rollout`);
        const shown = body as { state: string; reason: string | null; finished_at: string | null };
        return shown.finished_at === null ? null : shown;
      },
      { timeoutMs: 120_000, everyMs: 100, what: 'the rollout to be finished' },
    );

  it('go on without a container that was killed, within seconds', async () => {
    const id = await deploy(client, 'killed', web({ replicas: 2 }));
    await untilHealthy(client, id, 60_000);
    await untilActive(id, 2);
    await answers('killed.admin.localhost', 200);
    const load = new SteadyLoad(port, 'killed.admin.localhost');
    const [victim] = await product.containers(id);
    await product.docker.getContainer(victim!.Id).kill();
    const killedAt = performance.now();
    const before = load.sent;
    await until(() => load.sent > before + 1_000, { what: 'more requests' });
    await load.stop();
    // Requests without a body that had no answer yet go to the other replica. Those with one may have done something already.
    expect(load.failures.filter((words) => !words.startsWith('POST: status 502'))).toEqual([]);
    // The router tries it once more after a second, and the program takes what is down for a second for dead.
    expect(Math.max(killedAt, ...load.failedAt) - killedAt).toBeLessThan(3_000);
    expect(load.failures.length).toBeLessThanOrEqual(16); // twice what is under way at once
    await remove(client, id);
  });

  it('answer 404 once their deployment is deleted under load, with 502 or 503 for a second at most', async () => {
    const id = await deploy(client, 'deleted', web({ replicas: 2 }));
    await untilHealthy(client, id, 60_000);
    await untilActive(id, 2);
    const host = 'deleted.admin.localhost';
    await answers(host, 200);
    const load = new SteadyLoad(port, host);
    await until(() => load.sent > 200, { what: 'some requests' });
    expect(load.failures).toEqual([]);
    const decidedAt = performance.now();
    expect(await remove(client, id)).toMatchObject({ status: 200 });
    await answers(host, 404);
    await load.stop();

    const gatewayFaults = load.failedAt.filter((_at, index) => /status 50[23]$/.test(load.failures[index] ?? ''));
    const others = load.failures.filter((words) => !/status (?:404|502|503)$/.test(words));
    process.stderr.write(`routes: ${String(gatewayFaults.length)} of ${String(load.sent)} requests answered 502 or 503 at a delete\n`);
    expect(others).toEqual([]);
    expect(load.failures.some((words) => words.endsWith('status 404'))).toBe(true);
    expect(Math.max(decidedAt, ...gatewayFaults) - decidedAt).toBeLessThan(1_000);
  });

  it('lead no more to a replica from the moment at which its health check is known to fail', async () => {
    const prepare = 'mkdir -p /tmp/w && cd /tmp/w && echo ok > healthz && cat /etc/hostname > index.html';
    const command = ['sh', '-c', `${prepare} && exec httpd -f -p 8080 -h /tmp/w`];
    const health_check = { http: { port: 8080, path: '/healthz' }, interval_seconds: 1, retries: 2 };
    const id = await deploy(client, 'ailing', web({ command, health_check, replicas: 2 }));
    await untilHealthy(client, id, 60_000);
    await untilActive(id, 2);
    const names = async (): Promise<string> =>
      text(
        (await new Promise<IncomingMessage>((resolve, reject) => {
          get({ port, host: '127.0.0.1', headers: { host: 'ailing.admin.localhost' }, agent: false }, resolve).once('error', reject);
        })) as Readable,
      ).then((name) => name.trim());
    const [victim] = await product.containers(id);
    const name = victim!.Id.slice(0, 12);
    await until(async () => (await names()) === name, { what: 'an answer of the one that will fail' });

    const exec = await product.docker.getContainer(victim!.Id).exec({ Cmd: ['sh', '-c', '/bin/busybox rm /tmp/w/healthz'] });
    (await exec.start({})).resume().on('error', () => undefined);
    const seen: { at: number; by: string }[] = [];
    let isOver = false;
    const asking = (async () => {
      while (!isOver) seen.push({ by: await names(), at: performance.now() });
    })();
    // On a busy machine the other one's may fail as well.
    const isKnown = async (): Promise<boolean> =>
      (await statusOf(client, id)).replicas.some(
        ({ container_id: its, healthy, status }) => its === victim!.Id && (healthy === false || status === 'failed'),
      );
    await until(isKnown, { timeoutMs: 30_000, everyMs: 20, what: 'the check to fail' });
    const knownAt = performance.now();
    await until(() => performance.now() - knownAt > 3_000, { what: 'more requests' });
    isOver = true;
    await asking;

    const wrong = seen.filter(({ by, at }) => by === name && at - knownAt > 500).map(({ at }) => Math.round(at - knownAt));
    expect(seen.filter(({ at }) => at < knownAt).some(({ by }) => by === name)).toBe(true);
    expect(seen.filter(({ at }) => at > knownAt).length).toBeGreaterThan(20);
    expect(wrong).toEqual([]);
    await remove(client, id);
  });

  it('carry big uploads and streams of events, part by part', async () => {
    const script = (name: string, ...lines: string[]): string =>
      `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} > /tmp/w/${name}`;
    const head = (type: string): string => `printf "Content-Type: ${type}\\r\\n\\r\\n"`;
    const serve = [
      'mkdir -p /tmp/w && echo hello > /tmp/w/index.html',
      script('httpd.conf', '*.cgi:/bin/sh'),
      script('size.cgi', head('text/plain'), 'wc -c'),
      script('events.cgi', head('text/event-stream'), 'for n in 1 2 3; do echo "data: $n"; echo; sleep 1; done'),
      'exec httpd -f -p 8080 -h /tmp/w -c /tmp/w/httpd.conf',
    ];
    const id = await deploy(
      client,
      'carrier',
      web({
        ...{ command: ['sh', '-c', serve.join('\n')], ports: [{ container_port: 8080 }] },
        routes: [{ port: 8080 }],
      }),
    );
    await untilHealthy(client, id, 60_000);
    await untilActive(id, 1);
    const host = 'carrier.admin.localhost';
    await answers(host, 200);

    const part = Buffer.alloc(1_024 * 1_024, 'x');
    const parts = 64;
    const size = await new Promise<string>((resolve, reject) => {
      const headers = { host, 'content-length': String(parts * part.length) };
      const upload = request({ port, host: '127.0.0.1', path: '/size.cgi', method: 'POST', headers, agent: false }, (answer) => {
        void text(answer).then(resolve, reject);
      });
      upload.once('error', reject);
      Readable.from(Array.from({ length: parts }, () => part)).pipe(upload);
    });
    expect(size.trim()).toBe(String(parts * part.length));

    const arrivals: number[] = [];
    await new Promise<void>((resolve, reject) => {
      get({ port, host: '127.0.0.1', path: '/events.cgi', headers: { host }, agent: false }, (answer) => {
        answer.on('data', (data: Buffer) => {
          arrivals.push(...[...data.toString().matchAll(/data:/g)].map(() => performance.now()));
        });
        answer.on('end', resolve);
      }).once('error', reject);
    });
    expect(arrivals).toHaveLength(3);
    expect(arrivals[2]! - arrivals[0]!).toBeGreaterThan(1_000);
    await remove(client, id);
  });

  const answers = (host: string, status: number): Promise<unknown> =>
    until(async () => (await askRoute(port, host)) === status, { what: `${host} to answer ${String(status)}` });
});
