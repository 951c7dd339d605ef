import { randomUUID } from 'node:crypto';
import { FleetView } from '../../src/deployments/placement/fleet-view';
import { aSpec, expectInvariants, finishTeardowns, tableRows, UNKNOWN_ID } from '../support/deployments';
import { QueryTap, type Listener, type Statement } from '../support/query-tap';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

const SECRET = 'relation "secret_table" at /srv/app/db.ts';

/** What is sent together with the commit. */
const ENDING = /refuse_transaction|INSERT INTO (audit_log|jobs)/;

/** What can go wrong with the n-th statement of a transaction, and what the client may be told then. */
const FAULTS: { name: string; fault: (t: TestApp, statement: Statement) => ReturnType<Listener>; status: number }[] = [
  {
    name: 'fails before it runs',
    fault: () => {
      throw new Error(SECRET);
    },
    status: 500,
  },
  {
    name: 'runs, but its answer is lost',
    fault: (_t, { sql }) => {
      const fail = (): never => {
        throw new Error(SECRET);
      };
      // A commit that was carried out is final, even if its answer is lost, and so is what was sent together with it.
      return sql === 'COMMIT' || ENDING.test(sql) ? fail() : fail;
    },
    status: 500,
  },
  {
    name: 'finds its connection cut by the server',
    fault: async (t, { runner }) => {
      const client = (await runner.connect()) as { processID: number };
      await t.dataSource.query(`SELECT pg_terminate_backend($1, 2000)`, [client.processID]);
      return undefined;
    },
    status: 503,
  },
];

describe('a transaction of which one statement fails', () => {
  let t: TestApp;
  let tap: QueryTap;
  let fleet: FleetView;
  let node: string;
  beforeAll(async () => {
    // Without a worker, so that only the request's own transaction writes.
    t = await startTestApp({ env: { ROLE: 'api' } });
    tap = new QueryTap(t.dataSource);
    fleet = t.app.get(FleetView, { strict: false });
    node = await aNode(t.dataSource, {
      cpu_cores: 1000,
      memory_mb: 1_000_000,
      storage_gb: 10_000,
      last_heartbeat: new Date(Date.now() + 3_600_000),
    });
    await t.token('ada', {});
    await t.token('root', { admin: true });
  });
  afterAll(() => t?.close());
  afterEach(async () => {
    // Each test deploys the same names.
    const names = [spec, ...manySpecs.deployments].map(({ name }) => name);
    const sql = `SELECT id FROM deployments WHERE deleted_at IS NULL AND name = ANY($1)`;
    for (const { id } of await t.dataSource.query<{ id: string }[]>(sql, [names])) {
      const answer = await t.as('ada').delete(`/api/deployment/${id}?wait=0`);
      expect(answer.body.status).toBe('deleted');
    }
    await finishTeardowns(t.dataSource);
    await expectInvariants(t.dataSource);
  });

  const aRunningDeployment = async (): Promise<string> => {
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), target_replicas: 4 });
    for (const status of ['running', 'running', 'starting', 'pending'])
      await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: node, status });
    return id;
  };

  const rowsNow = async (): Promise<unknown> => ({
    ...(await tableRows(t.dataSource)),
    audit: await t.dataSource.query(`SELECT id FROM audit_log ORDER BY id`),
    operations: await t.dataSource.query(`SELECT id FROM operations ORDER BY id`),
    routes: await t.dataSource.query(`SELECT id FROM deployment_routes ORDER BY id`),
  });

  interface Request {
    words: string;
    method: 'post' | 'put' | 'delete';
    /** The user who asks; without it `ada`, the owner. */
    as?: string;
    path: (id: string) => string;
    body?: () => object;
    status: number;
  }
  const spec = aSpec({ replicas: 2 });
  const routed = { ports: [{ container_port: 80 }], routes: [{ port: 80 }] };
  const manySpecs = { deployments: [aSpec(), aSpec(routed), aSpec({ replicas: 0 }), aSpec({ replicas: 3, ...routed })] };
  const REQUESTS: Record<string, Request> = {
    delete: { words: 'Deletion failed', method: 'delete', path: (id) => `${id}?wait=0`, status: 202 },
    'forced delete': { words: 'Deletion failed', method: 'delete', as: 'root', path: (id) => `${id}?wait=0&force=true`, status: 202 },
    protect: { words: 'Protection failed', method: 'put', path: (id) => `${id}/protection`, body: () => ({ reason: 'why' }), status: 200 },
    deploy: { words: 'Deployment failed', method: 'post', path: () => 'deploy', body: () => spec, status: 202 },
    'bulk deploy': { words: 'Bulk deploy failed', method: 'post', path: () => 'bulk-deploy', body: () => manySpecs, status: 200 },
    'scale up': { words: 'Scaling failed', method: 'post', path: (id) => `scale/${id}`, body: () => ({ replicas: 6 }), status: 200 },
    'scale down': { words: 'Scaling failed', method: 'post', path: (id) => `scale/${id}`, body: () => ({ replicas: 1 }), status: 200 },
    stop: { words: 'Stop failed', method: 'post', path: (id) => `${id}/stop`, status: 202 },
  };
  const send = ({ method, path, body, as = 'ada' }: Request, id: string, key: string) => {
    const agent = t.as(as).set('Idempotency-Key', key);
    const sent = agent[method](`/api/deployment/${path(id)}`);
    return body ? sent.send(body()) : sent;
  };

  describe.each(Object.entries(REQUESTS))('%s', (_name, request) => {
    it.each(FAULTS)('changes nothing when its n-th statement $name, for every n, and works afterwards', async ({ fault, status }) => {
      const id = await aRunningDeployment();
      const before = await rowsNow();
      const key = randomUUID();
      const broken: string[] = [];
      while (broken.at(-1) !== 'COMMIT') {
        let count = 0;
        let isBroken = false;
        const failNext: Listener = (statement) => {
          // Those behind it may be on their way already.
          if (isBroken || !statement.inTransaction || statement.sql === 'ROLLBACK' || ++count !== broken.length + 1) return undefined;
          isBroken = true;
          broken.push(statement.sql);
          return fault(t, statement);
        };
        // Forget the fleet, so that every placement reads it and the statements are the same each time.
        fleet.forget();
        const answer = await tap.while(failNext, () => send(request, id, key));
        // Without its audit row a change is not made. The client is told to try again later.
        const wanted = broken.at(-1)?.includes('INSERT INTO audit_log') ? 503 : status;
        expect({ broken: broken.at(-1), status: answer.status }).toEqual({ broken: broken.at(-1), status: wanted });
        if (wanted === 500) expect(answer.body.detail).toMatch(new RegExp(`^${request.words}: `));
        else expect([answer.body.code, Number(answer.headers['retry-after'])]).toEqual(['try_again', expect.any(Number)]);
        expect(answer.text).not.toMatch(/secret_table|SELECT|UPDATE|\.ts/);
        expect(await rowsNow()).toEqual(before);
        expect(broken.length).toBeLessThan(30);
      }
      expect(broken[0]).toBe('START TRANSACTION');
      expect(broken.length).toBeGreaterThanOrEqual(5);

      const answer = await send(request, id, key).expect(request.status);
      expect(answer.headers['idempotency-replayed']).toBeUndefined();
      expect(await rowsNow()).not.toEqual(before);
    });
  });

  it('is a deletion all the same when only the look at its teardown fails', async () => {
    const id = await aRunningDeployment();
    const failLook: Listener = ({ sql, inTransaction }) => {
      if (!inTransaction && sql.includes('reservations')) throw new Error(SECRET);
      return undefined;
    };
    const answer = await tap.while(failLook, () => t.as('ada').delete(`/api/deployment/${id}`));
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      success: true,
      status: 'deleted',
      replicas_stopped: 0,
      replicas_stopping: 3,
      resources_released: false,
    });
    await t.as('ada').delete(`/api/deployment/${id}`).expect(409);
  });

  // A PUT can be repeated without a key.
  it.each(Object.keys(REQUESTS).filter((name) => REQUESTS[name]?.method !== 'put'))(
    '%s: keeps its answer with its decision, so a repetition gets it though all after the commit failed',
    async (name) => {
      const [id, key, request] = [await aRunningDeployment(), randomUUID(), REQUESTS[name]!];
      let isCommitted = false;
      const failAfterCommit: Listener = ({ sql }) => {
        if (isCommitted) throw new Error(SECRET);
        return sql === 'COMMIT' ? () => void (isCommitted = true) : undefined;
      };
      await tap.while(failAfterCommit, () => send(request, id, key));
      expect(isCommitted).toBe(true);
      const again = await send(request, id, key).expect(request.status);
      expect(again.headers['idempotency-replayed']).toBe('true');
    },
  );

  it.each(Object.keys(REQUESTS).filter((name) => REQUESTS[name]?.method !== 'put'))(
    '%s: is told to a repetition when it was done, but the answers to what goes out with the commit were lost',
    async (name) => {
      const [id, key, request] = [await aRunningDeployment(), randomUUID(), REQUESTS[name]!];
      const before = await rowsNow();
      const loseAnswer: Listener = ({ sql }) => {
        if (!sql.includes('refuse_transaction(lost)')) return undefined;
        return () => {
          throw new Error(SECRET);
        };
      };
      const told = await tap.while(loseAnswer, () => send(request, id, key));
      expect([told.status, told.text.includes('secret_table')]).toEqual([500, false]);
      const after = await rowsNow();
      expect(after).not.toEqual(before);
      const again = await send(request, id, key).expect(request.status);
      expect(again.headers['idempotency-replayed']).toBe('true');
      expect(await rowsNow()).toEqual(after);
    },
  );

  it('gives the words of the contract when what a route reads is broken', async () => {
    const id = await aRunningDeployment();
    const breakReads: Listener = ({ sql }) => {
      if (sql.includes('deployment')) throw new Error(SECRET);
      return undefined;
    };
    for (const [path, words] of [
      [`status/${id}`, 'Failed to retrieve deployment status: '],
      [`status/${UNKNOWN_ID}`, 'Failed to retrieve deployment status: '],
      [id, 'Failed to retrieve deployment: '],
      [`${id}/history`, 'Failed to retrieve deployment history: '],
      ['list', 'Failed to list deployments: '],
    ] as const) {
      const answer = await tap.while(breakReads, () => t.as('ada').get(`/api/deployment/${path}`));
      expect([path, answer.status]).toEqual([path, 500]);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ code: 'internal', detail: expect.stringMatching(`^${words}`) });
      expect(answer.text).not.toContain('secret_table');
    }
  });
});
