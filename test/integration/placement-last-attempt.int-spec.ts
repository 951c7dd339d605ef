import { inTransaction, type Tx } from '../../src/database/transaction';
import { DeploymentsRepository } from '../../src/deployments/deployments.repository';
import { PlacementService } from '../../src/deployments/placement/placement.service';
import { NodesRepository } from '../../src/nodes/nodes.repository';
import { QueryTap } from '../support/query-tap';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

describe('the last attempt of a placement, which locks the nodes', () => {
  let t: TestApp;
  let tap: QueryTap;
  let userId: string;
  let nodeId: string;
  let deploymentId: string;
  let replicaId: string;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
    tap = new QueryTap(t.dataSource);
    await t.token('ada', {});
    userId = await t.userId('ada');
  });
  beforeEach(async () => {
    await t.dataSource.query(`UPDATE nodes SET cordoned = true`);
    nodeId = await aNode(t.dataSource, { cpu_cores: 2 });
    deploymentId = await aDeployment(t.dataSource, { user_id: userId });
    replicaId = await aPlacedReplica(t.dataSource, { deployment_id: deploymentId, node_id: nodeId });
  });
  afterAll(() => t?.close());

  /** Prepares, releases and places replacements, as the recorder does. */
  const replace = async (tx: Tx, count: number): Promise<readonly string[]> => {
    const placements = t.app.get(PlacementService, { strict: false });
    const deployment = (await t.app.get(DeploymentsRepository, { strict: false }).lock(tx, deploymentId, { userId, isAdmin: false }))!;
    const fleet = await placements.prepare(tx, deployment, deployment, 3);
    await tx.query(`UPDATE deployment_replicas SET status = 'stopped', stopped_at = now() WHERE id = $1`, [replicaId]);
    await t.app.get(NodesRepository, { strict: false }).release(tx, [replicaId]);
    const { generation, revision, currentRollout: rollout } = deployment;
    const order = { count, cause: 'replace', generation, revision, rollout, own: new Map<string, number>(), fleet } as const;
    return (await placements.place(tx, deployment, order, 3)).nodeIds;
  };

  // Once it read all nodes four times, two of them to lock what was locked already.
  it('reads all nodes once, also when it prepares before a release', async () => {
    const statements = await tap.statements(() => inTransaction(t.dataSource, (tx) => replace(tx, 1)));
    const reads = statements.filter(({ sql }) => sql.includes('FROM nodes AS n WHERE n.removed_at IS NULL'));
    expect(reads.map(({ sql }) => sql.includes('FOR NO KEY UPDATE'))).toEqual([true]);
  });

  it('finds the room that its own transaction has released after it looked', async () => {
    expect(await inTransaction(t.dataSource, (tx) => replace(tx, 2))).toEqual([nodeId, nodeId]);
  });
});
