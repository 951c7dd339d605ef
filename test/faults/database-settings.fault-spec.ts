import { readFileSync } from 'node:fs';
import { Client as Postgres } from 'pg';
import { postgresCode } from '../../src/database/postgres-error';
import type { Answer, Client } from '../support/client';
import { CrashDatabase } from '../support/crash-database';
import { deploy, deployWish, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { adminOf, startProcess, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';

const WRITTEN_WITH_ALL_ENTRIES = 10;
const WRITES_WITHIN_MS = 3_000;
/** A mark in every text that a caller can send. A text that is not sent as a parameter would show up in a statement. */
const CANARY = 'canary7';
const INJECTION = `${CANARY}' OR '1'='1'; --`;

describe('a server with settings of its own', () => {
  let server: CrashDatabase;
  let product: ProcessUnderTest;
  let client: Client;

  const begin = async (env: Record<string, string> = {}): Promise<void> => {
    product = await startProcess({ DATABASE_URL: server.url, LOG_LEVEL: 'warn', ...env });
    client = await adminOf(product);
  };

  beforeAll(async () => {
    server = await CrashDatabase.start({ log_statement: 'all' });
    await begin();
  });

  afterAll(async () => {
    await product?.kill('SIGKILL');
    await server?.remove();
  });

  describe('that logs every statement', () => {
    /** The log, one entry each: what kind it is, and its lines. */
    const entries = (): { kind: string; text: string }[] =>
      readFileSync(server.logFile, 'utf8')
        .split(/^(?=\d{4}-\d\d-\d\d )/m)
        .flatMap((text) => {
          const kind = /^\S+ \S+ \S+ \[\d+\] ([A-Z]+):/.exec(text)?.[1];
          return kind === undefined ? [] : [{ kind, text }];
        });

    beforeAll(async () => {
      const texts = [CANARY, INJECTION, { $ne: CANARY }, [CANARY]];
      const deployments = ['name', 'type', 'container_image', 'region', 'placement_strategy', 'replicas'].flatMap((member) =>
        texts.map((text) => client.post('/api/deployment/deploy', deployWish('plain', { [member]: text }))),
      );
      await Promise.all(deployments);
      const rich = { env: { CANARY7: INJECTION }, labels: { [CANARY]: CANARY }, command: ['sh', '-c', INJECTION] };
      const id = await deploy(client, `${CANARY}-rich`, rich, { key: `${CANARY}-key` });
      await untilHealthy(client, id);
      await client.post('/api/auth/register', { username: CANARY, email: `${CANARY}@example.org`, password: 'Canary7-Password' });
      await client.post('/api/auth/login', { username: CANARY, password: `${CANARY}-wrong` });
      await client.post('/api/auth/login', { username: INJECTION, password: INJECTION });
      await client.post('/api/auth/tokens', { name: INJECTION });
      const node = {
        name: CANARY,
        region: CANARY,
        runtime: 'simulated',
        cpu_cores: 1,
        memory_mb: 512,
        storage_gb: 1,
        labels: { a: CANARY },
      };
      await client.post('/api/nodes', node);
      for (const query of ['name', 'status', 'sort_by', 'sort_order', 'created_after', 'user_id', 'cursor', 'limit'])
        for (const text of [CANARY, INJECTION]) await client.get(`/api/deployment/list?${query}=${encodeURIComponent(text)}`);
      for (const path of ['status/', '', `${id}/history?cursor=`, `${id}/history?limit=`])
        await client.get(`/api/deployment/${path}${encodeURIComponent(INJECTION)}`);
      await remove(client, encodeURIComponent(INJECTION));
      await remove(client, id);
    });

    it('shows what callers sent as parameters', () => {
      const parameters = entries().filter(({ kind, text }) => kind === 'DETAIL' && text.toLowerCase().includes(CANARY));
      expect(parameters.length).toBeGreaterThan(WRITTEN_WITH_ALL_ENTRIES);
    });

    it('never shows it in a statement or in an error', () => {
      const others = entries().filter(({ kind }) => kind !== 'DETAIL');
      expect(others.length).toBeGreaterThan(100);
      expect(others.filter(({ text }) => text.toLowerCase().includes(CANARY))).toEqual([]);
    });
  });

  describe('that becomes read-only, as a standby after a failover', () => {
    let id: string;
    let stopped: Answer;
    let probes = 0;

    const probe = async (expected: number): Promise<void> => {
      const status = async (): Promise<number> => (await client.post('/api/deployment/deploy', deployWish(`probe-${++probes}`))).status;
      await until(async () => (await status()) === expected, { what: `a deploy to be answered with ${expected}` });
    };

    beforeAll(async () => {
      id = await deploy(client, 'before');
      await untilHealthy(client, id);
      await server.query(`ALTER DATABASE fog_compute SET default_transaction_read_only = on`);
      await server.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'fog_compute' AND pid <> pg_backend_pid()`,
      );
      await probe(503);
      stopped = await remove(client, id);
    });

    it('gets 503 with Retry-After for what would write, and never another refusal', async () => {
      const answers = [
        stopped,
        await client.post('/api/deployment/deploy', deployWish('meanwhile'), { key: 'meanwhile' }),
        await client.post(`/api/deployment/scale/${id}`, { replicas: 2 }),
        await client.post('/api/auth/login', { username: 'admin', password: 'Correct-Horse-7' }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
      expect(answers.filter(({ headers }) => headers['retry-after'] === undefined)).toEqual([]);
    });

    it('is still read from', async () => {
      expect(await statusOf(client, id)).toMatchObject({ status: 'running', health: 'healthy' });
      expect((await client.get('/api/deployment/list')).status).toBe(200);
      expect((await client.get('/health/live')).status).toBe(200);
    });

    it('is written again as soon as it can be, although the connections would stay read-only, and nothing was half done', async () => {
      await server.query(`BEGIN READ WRITE; ALTER DATABASE fog_compute RESET default_transaction_read_only; COMMIT`);
      const begun = performance.now();
      await probe(202);
      expect(performance.now() - begun).toBeLessThan(WRITES_WITHIN_MS);
      expect(product.isAlive).toBe(true);
      expect(await statusOf(client, id)).toMatchObject({ status: 'running', target_replicas: 1 });
      await untilHealthy(client, await deploy(client, 'meanwhile', {}, { key: 'meanwhile' }));
      expect(await remove(client, id)).toMatchObject({ status: 200, body: { replicas_stopped: 1, resources_released: true } });
    });
  });

  describe('that has no connections left', () => {
    const others: Postgres[] = [];

    /** Another client takes all remaining connections, before the pool has grown to its size. */
    const takeTheRest = async (): Promise<void> => {
      for (;;) {
        const other = new Postgres({ connectionString: server.url });
        other.on('error', () => undefined);
        try {
          await other.connect();
        } catch (error) {
          expect(postgresCode(error)).toBe('53300');
          return;
        }
        others.push(other);
      }
    };

    beforeAll(async () => {
      await product.kill('SIGKILL');
      server.crash();
      await server.restart({ max_connections: '60', superuser_reserved_connections: '0' });
      await begin({ DATABASE_POOL_SIZE: '50' });
      await takeTheRest();
    });

    it('costs some callers a 503 and nobody anything else, and the program lives on', async () => {
      const answers = await Promise.all(
        Array.from({ length: 120 }, (_u, n) =>
          n % 3 === 0 ? client.post('/api/deployment/deploy', deployWish(`many-${n}`)) : client.get(`/api/deployment/list?offset=${n}`),
        ),
      );
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => ![200, 202, 503].includes(status))).toEqual([]);
      expect(statuses).toContain(503);
      expect(statuses.filter((status) => status < 300).length).toBeGreaterThan(5);
      expect((await client.get('/health/live')).status).toBe(200);
      expect(product.isAlive).toBe(true);
    });

    it('is worked with again when there is room', async () => {
      await Promise.all(others.map((other) => other.end()));
      const id = await until(() => deploy(client, 'room-again'), { what: 'a deploy that is accepted' });
      await untilHealthy(client, id);
    });
  });
});
