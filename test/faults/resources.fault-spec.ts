import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Answer, Client } from '../support/client';
import { deploy, deployWish, remove, untilHealthy } from '../support/deployments-under-test';
import { adminOf, startProcess, type ProcessUnderTest, type StartOptions } from '../support/process-under-test';
import { freePort } from '../support/program';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

const isLinux = process.platform === 'linux';
if (!isLinux) process.stderr.write('\nSKIPPED: limits of files, memory and disks are tested on Linux\n\n');

const portOf = ({ url }: ProcessUnderTest): number => Number(new URL(url).port);
const openFilesOf = ({ pid }: ProcessUnderTest): number => readdirSync(`/proc/${pid}/fd`).length;
const residentMb = ({ pid }: ProcessUnderTest): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;

/** Before a release: `IDLE_CONNECTIONS=5000 npx jest test/faults/resources`. They may idle for 30 seconds. */
const IDLE = Number(process.env.IDLE_CONNECTIONS ?? '1000');
const IDLE_AT_ONCE = 100;
const MAX_FILES = 80;
const CALLERS = 20;

const countsOf = (seen: readonly (number | string)[]): Record<string, number> =>
  seen.reduce<Record<string, number>>((counts, one) => ({ ...counts, [one]: (counts[one] ?? 0) + 1 }), {});

/** Opens connections that send nothing. */
function flood(port: number, count: number): Socket[] {
  return Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => undefined));
}

(isLinux ? describe : describe.skip)('a program', () => {
  let database: TestDatabase;
  let product: ProcessUnderTest;
  let client: Client;

  const begin = async (options: StartOptions, env: Record<string, string> = {}): Promise<void> => {
    database = await createTestDatabase();
    product = await startProcess({ DATABASE_URL: database.url, LOG_LEVEL: 'info', ...env }, options);
    client = await adminOf(product);
  };

  afterEach(async () => {
    await product?.kill('SIGKILL');
    await database?.drop();
  });

  // All of them fit, however many are accepted, and leave room for the one that comes after.
  const SMALL = { resources: { cpu: 0.1, memory: 512, storage: 1 } };
  it('without file descriptors turns some callers away, answers others with 503 at worst, and recovers by itself', async () => {
    await begin({ shell: `ulimit -n ${MAX_FILES}` }, { DATABASE_POOL_SIZE: '60', MIN_CPU_CORES: '0.1' });
    const before = await deploy(client, 'before');
    await untilHealthy(client, before);
    // Callers that were connected before stay connected, before the pool of the database has grown.
    await Promise.all(Array.from({ length: CALLERS }, () => client.get('/health/live')));
    const sockets = flood(portOf(product), 300);
    await until(() => openFilesOf(product) >= MAX_FILES - 2, { what: 'the descriptors to be used up' });
    const statuses: (number | 'none')[] = [];
    const note = (asked: Promise<Answer>): Promise<unknown> =>
      asked.then(
        ({ status }) => statuses.push(status),
        () => statuses.push('none'),
      );
    for (let turn = 0; turn < 10; turn++) {
      await Promise.all(
        Array.from({ length: CALLERS }, (_u, n) =>
          note(
            n % 2 === 0
              ? client.get('/api/deployment/list')
              : client.post('/api/deployment/deploy', deployWish(`during-${turn}-${n}`, SMALL)),
          ),
        ),
      );
    }
    process.stdout.write(`no file descriptors: ${JSON.stringify(countsOf(statuses))}\n`);
    expect(statuses.filter((status) => ![200, 202, 503, 'none'].includes(status))).toEqual([]);
    expect(product.isAlive).toBe(true);
    for (const socket of sockets) socket.destroy();
    await until(async () => (await client.get('/health/ready')).status === 200, { what: 'readiness' });
    const after = await until(() => deploy(client, 'after'), { what: 'a deploy that is accepted' });
    await untilHealthy(client, after);
    expect((await remove(client, before)).status).toBe(200);
  });

  it('without room for its log goes on', async () => {
    expect(existsSync('/dev/full')).toBe(true);
    await begin({ shell: 'exec > /dev/full' }, { PORT: String(await freePort()) });
    const id = await deploy(client, 'unlogged');
    await untilHealthy(client, id);
    expect((await remove(client, id)).status).toBe(200);
    expect(product.isAlive).toBe(true);
  });

  it(`with ${IDLE} idle connections answers others as before and keeps little for each`, async () => {
    await begin({});
    const median = async (): Promise<number> => {
      const times: number[] = [];
      for (let n = 0; n < 100; n++) times.push((await client.get('/api/deployment/list')).ms);
      return times.sort((one, other) => one - other)[50] ?? Infinity;
    };
    const alone = await median();
    const memory = residentMb(product);
    const files = openFilesOf(product);
    const sockets: Socket[] = [];
    let answered = 0;
    while (sockets.length < IDLE) {
      for (const socket of flood(portOf(product), IDLE_AT_ONCE)) {
        sockets.push(socket);
        socket.once('data', () => answered++);
        socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
      }
      await until(() => answered === sockets.length, { timeoutMs: 25_000, everyMs: 5, what: 'every connection to have had an answer' });
    }
    const crowded = await median();
    const perConnectionKb = ((residentMb(product) - memory) * 1_024) / IDLE;
    process.stdout.write(
      `${IDLE} idle connections: list p50 ${alone.toFixed(1)} ms before, ${crowded.toFixed(1)} ms with them, ${perConnectionKb.toFixed(1)} kB each\n`,
    );
    expect(crowded).toBeLessThan(alone * 4 + 50); // other tests share the machine
    expect(perConnectionKb).toBeLessThan(40);
    for (const socket of sockets) socket.destroy();
    await until(() => openFilesOf(product) < files + 20, { what: 'their descriptors to be free again' });
  });
});
