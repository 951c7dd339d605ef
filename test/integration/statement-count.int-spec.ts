import { aSpec, finishTeardowns } from '../support/deployments';
import { QueryTap, type Statement } from '../support/query-tap';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

const SIZES = [1, 10, 50];

describe('the number of statements of a request does not grow with what it is about', () => {
  let t: TestApp;
  let tap: QueryTap;
  let nodes: string[];
  beforeAll(async () => {
    // Without a worker, so that only the requests use the database.
    t = await startTestApp({ env: { ROLE: 'api', MAX_DEPLOYMENTS_PER_USER: '10000', MAX_REPLICAS_PER_USER: '100000' } });
    tap = new QueryTap(t.dataSource);
    const large = { cpu_cores: 1000, memory_mb: 1_000_000, storage_gb: 10_000, last_heartbeat: new Date(Date.now() + 3_600_000) };
    nodes = [await aNode(t.dataSource, large), await aNode(t.dataSource, large), await aNode(t.dataSource, large)];
    await t.token('ada', {});
    await t.as('ada').get('/api/auth/me').expect(200); // from here on the token is known
  });
  afterEach(() => finishTeardowns(t.dataSource));
  afterAll(() => t?.close());

  const aRunningDeployment = async (replicas: number): Promise<string> => {
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), target_replicas: replicas });
    for (let n = 0; n < replicas; n++)
      await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: nodes[n % 3]!, status: n % 5 === 4 ? 'pending' : 'running' });
    return id;
  };
  /**
   * Leaves out statements that read the token or the fleet now and then, and the hints to other processes, which are
   * sent together.
   */
  const countOf = (statements: readonly Statement[]): number =>
    statements.filter(({ sql }) => !/\b(sessions|users|api_tokens|pg_notify)\b|FROM nodes AS n WHERE n.removed_at IS NULL/.test(sql))
      .length;
  const post = (path: string, body?: object) => t.as('ada').post(`/api/deployment/${path}`).send(body);

  it.each<[string, (replicas: number, id: string) => PromiseLike<{ status: number }>, number]>([
    ['status', (_n, id) => t.as('ada').get(`/api/deployment/status/${id}`), 200],
    ['detail', (_n, id) => t.as('ada').get(`/api/deployment/${id}`), 200],
    ['history', (_n, id) => t.as('ada').get(`/api/deployment/${id}/history`), 200],
    ['deploy', (replicas) => post('deploy', aSpec({ replicas })), 202],
    ['dry run', (replicas) => post('deploy?dry_run=true', aSpec({ replicas })), 200],
    ['scale up', (replicas, id) => post(`scale/${id}`, { replicas: replicas * 2 }), 200],
    ['scale down', (replicas, id) => post(`scale/${id}`, { replicas: Math.ceil(replicas / 2) }), 200],
    ['stop', (_n, id) => post(`${id}/stop`), 202],
    ['delete', (_n, id) => t.as('ada').delete(`/api/deployment/${id}?wait=0`), 202],
    ['delete, kept warm', (_n, id) => t.as('ada').delete(`/api/deployment/${id}?wait=0&keep_warm=1m`), 202],
    ['preview of a delete', (_n, id) => t.as('ada').delete(`/api/deployment/${id}?dry_run=true`), 200],
    ['protect', (_n, id) => t.as('ada').put(`/api/deployment/${id}/protection`).send({ reason: 'production' }), 200],
  ])('%s: the same for 1, 10 and 50 replicas', async (name, request, status) => {
    const counts: number[] = [];
    for (const replicas of SIZES) {
      // A deployment with one replica cannot be scaled down, and a pending replica would add a release that a running
      // one does not need.
      const id = await aRunningDeployment(name === 'scale up' || name === 'status' ? replicas : replicas + 9);
      const statements = await tap.statements(async () => expect([name, (await request(replicas, id)).status]).toEqual([name, status]));
      counts.push(countOf(statements));
    }
    expect(counts).toEqual([counts[0], counts[0], counts[0]]);
    expect(counts[0]).toBeLessThanOrEqual(13);
  });

  it('bulk deploy and its preview: the same for 1, 10 and 50 deployments, with and without routes', async () => {
    const routed = { ports: [{ container_port: 80 }], routes: [{ port: 80 }] };
    for (const [path, over, most] of [
      ['bulk-deploy', {}, 15],
      // One of them reads the name of the project, after which hosts are named.
      ['bulk-deploy', routed, 19],
      ['bulk-deploy/preview', routed, 9],
    ] as const) {
      const counts: number[] = [];
      for (const count of SIZES) {
        const deployments = Array.from({ length: count }, () => aSpec(over));
        counts.push(countOf(await tap.statements(() => post(path, { deployments }).expect(200))));
      }
      expect(counts).toEqual([counts[0], counts[0], counts[0]]);
      expect(counts[0]).toBeLessThanOrEqual(most);
    }
  });

  it('delete: five in its transaction when nothing is pending, and none after it when nobody waits', async () => {
    const id = await aRunningDeployment(3);
    const statements = await tap.statements(() => t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202));
    const inside = statements.filter(({ inTransaction }) => inTransaction).map(({ sql }) => sql);
    expect(inside.filter((sql) => !/TRANSACTION|COMMIT/.test(sql))).toEqual([
      expect.stringContaining('FOR UPDATE OF d'),
      expect.stringContaining('INSERT INTO deletions'),
      expect.stringContaining('SELECT refuse_transaction(lost)'),
      expect.stringContaining('INSERT INTO audit_log'),
      expect.stringContaining('INSERT INTO jobs'),
    ]);
    expect(countOf(statements.filter(({ inTransaction }) => !inTransaction))).toBe(0);
  });

  it('ledger: one, and force release as many for 1, 10 or 50 replicas', async () => {
    await t.token('root', { admin: true });
    const lost = await aNode(t.dataSource, { cpu_cores: 1000, memory_mb: 1_000_000, storage_gb: 10_000, last_heartbeat: null });
    const releases: number[] = [];
    for (const replicas of SIZES) {
      const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), target_replicas: replicas });
      for (let n = 0; n < replicas; n++) await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: lost });
      await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
      const ledger = await tap.statements(() => t.as('ada').get(`/api/deployment/${id}/deletion`).expect(200));
      expect(countOf(ledger)).toBe(1);
      const release = () => t.as('root').post(`/api/deployment/${id}/force-release`).send({ reason: 'gone' }).expect(200);
      releases.push(countOf(await tap.statements(release)));
    }
    expect(releases).toEqual([releases[0], releases[0], releases[0]]);
    expect(releases[0]).toBeLessThanOrEqual(10);
  });

  it('list: one for a page of 1, 10 or 50 rows with many replicas', async () => {
    for (let n = 0; n < 50; n++) await aDeployment(t.dataSource, { user_id: await t.userId('ada') });
    for (const limit of SIZES) {
      const statements = await tap.statements(async () => {
        const { body } = await t
          .as('ada')
          .get(`/api/deployment/list?limit=${String(limit)}`)
          .expect(200);
        expect(body).toHaveLength(limit);
      });
      expect(statements.filter(({ sql }) => sql.includes('FROM deployments') || sql.includes('deployment_replicas'))).toHaveLength(1);
      expect(countOf(statements)).toBe(1);
    }
  });

  it('idempotency: a key adds the same three statements to every delete', async () => {
    const [plain, keyed] = [await aRunningDeployment(5), await aRunningDeployment(5)];
    const without = await tap.statements(() => t.as('ada').delete(`/api/deployment/${plain}?wait=0`).expect(202));
    const withKey = await tap.statements(() =>
      t.as('ada').delete(`/api/deployment/${keyed}?wait=0`).set('Idempotency-Key', 'one').expect(202),
    );
    expect(countOf(withKey) - countOf(without)).toBe(3);
  });
});
