import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DataSource } from 'typeorm';
import { SecretBox } from '../../src/common/crypto/secret-box';
import { loadConfig } from '../../src/config/app-config';
import { dataSourceOptions } from '../../src/data-source-options';
import { PubSub } from '../../src/database/pub-sub';
import { AgentLines } from '../../src/runtime/agent/agent-lines';
import { chooseRuntimes } from '../../src/runtime/runtime-choice';
import type { Runtimes } from '../../src/runtime/runtimes';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const NOBODY = 'tcp://127.0.0.1:1';

describe('the choice of a runtime', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  const servers: Server[] = [];
  const chosen: Runtimes[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await new DataSource(dataSourceOptions({ url: database.url, poolSize: 2 })).initialize();
    pubSub = new PubSub(dataSource);
  });
  afterEach(() => {
    for (const runtimes of chosen.splice(0)) runtimes.onApplicationShutdown();
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  const choose = async (env: Record<string, string>): Promise<Runtimes> => {
    const runtimes = await chooseRuntimes({
      config: loadConfig(env),
      dataSource,
      box: new SecretBox(randomBytes(32)),
      pubSub,
      lines: new AgentLines(),
    });
    chosen.push(runtimes);
    return runtimes;
  };
  const engine = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it('takes an engine that answers, with the drivers of real engines beside it', async () => {
    const address = await engine((_question, answer) =>
      answer
        .writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ ID: 'X', ServerVersion: '27.1', NCPU: 4, MemTotal: 1 })),
    );
    const runtimes = await choose({ RUNTIME: 'auto', DOCKER_HOST: address });
    expect(runtimes.active).toEqual({ kind: 'docker', reason: `Docker Engine 27.1 answers at ${address}` });
    expect(runtimes.driverFor('docker')?.kind).toBe('docker');
    expect(runtimes.driverFor('simulated')).toBeNull();
    expect(runtimes.driverFor('kubernetes')?.kind).toBe('kubernetes');
  });

  it('simulates when nobody answers', async () => {
    const runtimes = await choose({ RUNTIME: 'auto', DOCKER_HOST: NOBODY });
    expect(runtimes.active).toEqual({
      kind: 'simulated',
      reason: `no Docker Engine answers at ${NOBODY} (nothing listens there; see DOCKER_HOST): containers are simulated`,
    });
    expect(runtimes.driverFor('simulated')?.kind).toBe('simulated');
    expect(runtimes.driverFor('docker')).toBeNull();
  });

  it.each<[string, RequestListener]>([
    ['never answers', () => undefined],
    ['is something else', (_question, answer) => answer.writeHead(404).end('not here')],
    ['is no engine though it says 200', (_question, answer) => answer.writeHead(200).end('<html>')],
  ])('simulates within seconds when the address %s', async (_name, listener) => {
    const begin = performance.now();
    const runtimes = await choose({ RUNTIME: 'auto', DOCKER_HOST: await engine(listener) });
    expect(runtimes.active.kind).toBe('simulated');
    expect(performance.now() - begin).toBeLessThan(8_000);
  });

  it('starts with docker although the engine is away, when it was told to', async () => {
    const runtimes = await choose({ RUNTIME: 'docker', DOCKER_HOST: NOBODY });
    expect(runtimes.active).toEqual({
      kind: 'docker',
      reason: `RUNTIME=docker, but no Docker Engine answers at ${NOBODY} yet (nothing listens there; see DOCKER_HOST)`,
    });
    expect(runtimes.driverFor('docker')?.kind).toBe('docker');
  });

  it('simulates when it was told to, whatever engine there is', async () => {
    const runtimes = await choose({ RUNTIME: 'simulated' });
    expect(runtimes.active).toEqual({ kind: 'simulated', reason: 'RUNTIME=simulated: nothing runs, containers are simulated' });
  });
});
