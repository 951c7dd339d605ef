import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { LoadBalancer } from '../../src/routing/load-balancer';
import type { RouteTable } from '../../src/routing/route-table';
import { until } from '../support/until';

/** A balancer that a test has to itself, and where it takes requests. */
export interface BalancerUnderTest {
  readonly balancer: LoadBalancer;
  readonly port: number;
  /** How it answers itself where that is not in this program's words. */
  readonly ownWords?: RegExp;
  close(): Promise<void>;
}

/** A replica that answers with its name, and what it was sent. */
class Replica {
  readonly requests: IncomingMessage[] = [];
  /** Answers wait for this. */
  held: Promise<void> = Promise.resolve();
  private constructor(
    readonly name: string,
    private readonly server: Server,
  ) {}

  static async start(name: string): Promise<Replica> {
    const server = createServer();
    const replica = new Replica(name, server);
    server.on('request', (request: IncomingMessage, response) => {
      replica.requests.push(request);
      void replica.held.then(async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        response.setHeader('x-replica', name).end(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`);
      });
    });
    server.on('upgrade', (_request, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
      );
      socket.on('data', (data: Buffer) => socket.write(`${name} heard ${data.toString()}`));
      socket.on('error', () => undefined).on('end', () => socket.end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return replica;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** What every balancer promises, against the real thing. */
export function describeLoadBalancer(name: string, start: () => Promise<BalancerUnderTest>): void {
  describe(`the ${name} balancer`, () => {
    let under: BalancerUnderTest;
    const replicas: Replica[] = [];
    beforeEach(async () => {
      under = await start();
    });
    afterEach(async () => {
      await under.close();
      await Promise.all(replicas.splice(0).map((replica) => replica.stop().catch(() => undefined)));
    });

    const aReplica = async (label: string): Promise<Replica> => {
      const replica = await Replica.start(label);
      replicas.push(replica);
      return replica;
    };
    const aTable = (
      deploymentId: string,
      version: number,
      over: { routes?: RouteTable['routes']; replicas?: Replica[]; leaving?: Replica[] },
    ): RouteTable => ({
      deploymentId,
      version,
      routes: over.routes ?? [{ host: `${deploymentId}.example`, pathPrefix: '/', port: 80 }],
      backends: (over.replicas ?? []).map((replica) => ({ replicaId: replica.name, ports: { 80: replica.address } })),
      leaving: (over.leaving ?? []).map((replica) => replica.name),
    });
    const apply = async (...tables: RouteTable[]): Promise<void> => {
      await under.balancer.apply(tables);
      const isLive = async (): Promise<boolean> => {
        const { versions } = await under.balancer.live();
        return tables.every(({ deploymentId, version }) => (versions.get(deploymentId) ?? 0) >= version);
      };
      await until(isLive, { what: 'the tables to be live' });
    };

    interface Asked {
      readonly path?: string;
      readonly method?: string;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
    const ask = (host: string, { path = '/', method = 'GET', headers = {}, body = '' }: Asked = {}) =>
      new Promise<{ status: number; text: string; headers: IncomingMessage['headers'] }>((resolve, reject) => {
        const options = { port: under.port, host: '127.0.0.1', path, method, headers: { host, ...headers }, agent: false as const };
        const asked = httpRequest(options, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (part: string) => (text += part));
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
        });
        asked.once('error', reject);
        asked.end(body);
      });

    it('passes requests with their bodies to the replicas of the host, in turns', async () => {
      const [one, two] = [await aReplica('one'), await aReplica('two')];
      await apply(aTable('a', 1, { replicas: [one, two] }));
      const answers = [];
      for (let n = 0; n < 6; n++) answers.push(await ask('A.example.:8080', { method: 'POST', path: '/x?y=%2F', body: 'hello' }));
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['200 POST /x?y=%2F hello']));
      expect(new Set(answers.map(({ headers }) => headers['x-replica']))).toEqual(new Set(['one', 'two']));
    });

    it('goes by the longest path, in whole segments', async () => {
      const [web, api] = [await aReplica('web'), await aReplica('api')];
      const at = (pathPrefix: string): RouteTable['routes'] => [{ host: 'x.example', pathPrefix, port: 80 }];
      await apply(aTable('web', 1, { routes: at('/'), replicas: [web] }), aTable('api', 1, { routes: at('/api'), replicas: [api] }));
      const by = async (path: string): Promise<unknown> => (await ask('x.example', { path })).headers['x-replica'];
      expect([await by('/'), await by('/apis'), await by('/api'), await by('/api/x'), await by('/api?x')]).toEqual([
        'web',
        'web',
        'api',
        'api',
        'api',
      ]);
    });

    it('says in one line that it answers itself: 404 for an unknown host, 503 without a replica', async () => {
      await apply(aTable('a', 1, {}));
      const [unknown, waiting] = [await ask('b.example'), await ask('a.example')];
      expect([unknown.status, waiting.status, waiting.headers['retry-after']]).toEqual([404, 503, '1']);
      for (const { text } of [unknown, waiting]) expect(text).toMatch(under.ownWords ?? /^fog-compute.*\n$/);
    });

    it('takes a table whole, twice the same, and never an older one', async () => {
      const [one, two] = [await aReplica('one'), await aReplica('two')];
      const newer = aTable('a', 5, { replicas: [two] });
      await apply(newer);
      await apply(newer);
      await under.balancer.apply([aTable('a', 4, { replicas: [one] })]);
      expect((await under.balancer.live()).versions.get('a')).toBe(5);
      expect((await ask('a.example')).headers['x-replica']).toBe('two');
      await apply(aTable('a', 6, { routes: [] }));
      expect((await ask('a.example')).status).toBe(404);
    });

    it('lets a request end whose replica has left, says that it is busy, and sends it no new one', async () => {
      const [one, two] = [await aReplica('one'), await aReplica('two')];
      let release = (): void => undefined;
      one.held = new Promise((resolve) => (release = resolve));
      await apply(aTable('a', 1, { replicas: [one] }));
      const slow = ask('a.example', { path: '/slow' });
      await until(() => one.requests.length === 1, { what: 'the request to arrive' });
      await apply(aTable('a', 2, { replicas: [two], leaving: [one] }));
      expect((await under.balancer.live()).busy).toEqual(['one']);
      for (let n = 0; n < 5; n++) expect((await ask('a.example')).headers['x-replica']).toBe('two');
      release();
      expect((await slow).text).toBe('GET /slow ');
      await until(async () => (await under.balancer.live()).busy.length === 0, { what: 'nothing to be under way' });
      expect(one.requests).toHaveLength(1);
    });

    it('asks another replica when one refuses the connection, and answers 502 when all do', async () => {
      const [gone, one] = [await aReplica('gone'), await aReplica('one')];
      await apply(aTable('a', 1, { replicas: [gone, one] }));
      await gone.stop();
      for (let n = 0; n < 10; n++) expect((await ask('a.example')).headers['x-replica']).toBe('one');
      await one.stop();
      expect((await ask('a.example')).status).toBe(502);
    });

    it('says who asks, and replaces what clients say of themselves', async () => {
      const one = await aReplica('one');
      await apply(aTable('a', 1, { replicas: [one] }));
      const forged = { 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https', forwarded: 'for=9.9.9.9' };
      await ask('a.example', { headers: { ...forged, 'x-kept': '2', te: 'trailers' } });
      const { headers } = one.requests[0]!;
      expect(headers).toMatchObject({
        host: 'a.example',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'a.example',
        'x-kept': '2',
      });
      for (const name of ['forwarded', 'te']) expect(headers[name]).toBeUndefined();
    });

    it('joins both connections for another protocol', async () => {
      const one = await aReplica('one');
      await apply(aTable('a', 1, { replicas: [one] }));
      const socket = connect(under.port, '127.0.0.1');
      let heard = '';
      socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
      socket.write(
        'GET / HTTP/1.1\r\nhost: a.example\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      await until(() => heard.includes('101'), { what: 'the upgrade' });
      socket.write('hello');
      await until(() => heard.includes('one heard hello'), { what: 'the echo' });
      socket.destroy();
    });
  });
}
