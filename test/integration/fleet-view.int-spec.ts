import { QueryTap } from '../support/query-tap';
import { aSpec, expectInvariants } from '../support/deployments';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

const LATER = new Date(Date.now() + 3_600_000);

describe('placement by what a process last saw of the fleet', () => {
  let t: TestApp;
  beforeAll(async () => {
    // Without a worker, so that nothing else changes the nodes.
    t = await startTestApp({ env: { ROLE: 'api' } });
    await t.token('ada', {});
  });
  afterEach(async () => {
    await expectInvariants(t.dataSource);
    await t.dataSource.query(`UPDATE nodes SET cordoned = true`);
  });
  afterAll(() => t?.close());

  const node = (values: Record<string, unknown> = {}): Promise<string> => aNode(t.dataSource, { last_heartbeat: LATER, ...values });
  /** A running deployment with one replica on this node. */
  const deploymentOn = async (nodeId: string, values: Record<string, unknown> = {}): Promise<string> => {
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), ...values });
    await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: nodeId });
    return id;
  };
  const scale = (id: string, replicas: number) => t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas });
  const nodesOf = async (id: string): Promise<string[]> => {
    const rows = await t.dataSource.query<{ nodeId: string }[]>(
      `SELECT node_id AS "nodeId" FROM deployment_replicas WHERE deployment_id = $1 ORDER BY created_at, id`,
      [id],
    );
    return rows.map(({ nodeId }) => nodeId);
  };
  /** Makes the process read the fleet, so that it uses that for the next half second. */
  const look = () => t.as('ada').post('/api/deployment/deploy?dry_run=true').send(aSpec()).expect(200);

  it('reads the nodes once for many placements in a row', async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, async () => deploymentOn(await node())));
    await look();
    const now = performance.now();
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const statements = await new QueryTap(t.dataSource)
      .statements(async () => {
        for (const id of ids) await scale(id, 3).expect(200);
      })
      .finally(() => clock.mockRestore());
    const reads = statements.filter(({ sql }) => sql.includes('FROM nodes AS n WHERE n.removed_at IS NULL'));
    expect(reads.length).toBeLessThan(ids.length / 2);
  });

  it.each([
    ['cordoned', `cordoned = true`],
    ['drained', `cordoned = true, draining = true`],
    ['gone silent', `last_heartbeat = now() - interval '1 hour'`],
    ['removed', `removed_at = now()`],
    ['filled up by others', `cpu_cores = reserved_cpu_cores`],
  ])('uses no node that was %s a moment ago', async (_what, change) => {
    const [first, good, bad] = [await node(), await node({ cpu_usage_percent: 50 }), await node()];
    const id = await deploymentOn(first);
    await look();
    await t.dataSource.query(`UPDATE nodes SET ${change} WHERE id = $1`, [bad]);
    await scale(id, 2).expect(200);
    expect((await nodesOf(id)).at(-1)).toBe(good);
  });

  it('finds the room of a node that has come a moment ago, before it says that there is none', async () => {
    const first = await node();
    const id = await deploymentOn(first, { placement_strategy: 'distinct' });
    const refused = await scale(id, 2).expect(503);
    expect(refused.body.detail).toBe('Insufficient nodes for scale-up: need 1, found 0 with capacity');
    const second = await node();
    await scale(id, 2).expect(200);
    expect(await nodesOf(id)).toEqual([first, second]);
  });

  it('finds the room that others have given back a moment ago', async () => {
    const first = await node({ cpu_cores: 1 });
    const id = await deploymentOn(first);
    await scale(id, 2).expect(503);
    await t.dataSource.query(`UPDATE nodes SET cpu_cores = 2 WHERE id = $1`, [first]);
    await scale(id, 2).expect(200);
  });

  it('knows at once of a node that an administrator has put back to use', async () => {
    const [first, second] = [await node({ cpu_usage_percent: 90 }), await node({ cordoned: true })];
    const id = await deploymentOn(first);
    await scale(id, 2).expect(200);
    await t.as('root', { admin: true }).patch(`/api/nodes/${second}`).send({ cordoned: false }).expect(200);
    await scale(id, 3).expect(200);
    expect(await nodesOf(id)).toEqual([first, first, second]);
  });
});
