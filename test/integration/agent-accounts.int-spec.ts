import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { AccountsRepository } from '../../src/agents/accounts.repository';
import type { Account } from '../../src/runtime/agent/link-messages';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aPlacedReplica, aUser, insertRow } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('what machines tell that they did by themselves', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let accounts: AccountsRepository;
  let nodeId: string;
  let replicaId: string;
  let deploymentId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 6);
    accounts = new AccountsRepository(dataSource);
  });
  beforeEach(async () => {
    nodeId = await linkedNode();
    deploymentId = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    replicaId = await aPlacedReplica(dataSource, { deployment_id: deploymentId, node_id: nodeId, status: 'running' });
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const linkedNode = async (): Promise<string> => {
    const id = await aNode(dataSource, { runtime: 'agent' });
    await insertRow(dataSource, 'node_agents', { node_id: id });
    await dataSource.query(`INSERT INTO agent_links (node_id, epoch) VALUES ($1, 7)`, [id]);
    return id;
  };
  const told = (count: number, of = replicaId): Account[] =>
    Array.from({ length: count }, () => ({
      ...{ id: randomUUID(), replicaId: of, at: new Date().toISOString(), agoMs: 1_000 },
      words: 'Exited with code 1, and was started again by the agent',
    }));
  const count = async (text: string, id: string): Promise<number> => {
    const [row] = await dataSource.query<{ count: number }[]>(`SELECT count(*)::int AS count FROM ${text} = $1`, [id]);
    return row?.count ?? 0;
  };
  const healed = () => count(`deployment_status_history WHERE event = 'healed' AND deployment_id`, deploymentId);
  const kept = (of = nodeId) => count('agent_accounts WHERE node_id', of);

  it('is noted once, however often it is told, also at once', async () => {
    const some = told(20);
    await Promise.all([accounts.note(nodeId, 7, some), accounts.note(nodeId, 7, some), accounts.note(nodeId, 7, some.slice(5))]);
    expect([await healed(), await kept()]).toEqual([20, 20]);
  });

  it('is about replicas of their own nodes only: of all others nothing is kept', async () => {
    const other = await linkedNode();
    expect(await accounts.note(other, 7, told(3))).toBe(true);
    expect(await accounts.note(nodeId, 7, told(3, randomUUID()))).toBe(true);
    expect([await healed(), await kept(), await kept(other)]).toEqual([0, 0, 0]);
  });

  it('is not heard over a link that is no longer the one of the node', async () => {
    expect(await accounts.note(nodeId, 6, told(3))).toBe(false);
    expect([await healed(), await kept()]).toEqual([0, 0]);
  });

  it('is bounded in an hour, at more than an agent keeps, however many reports come at once', async () => {
    await Promise.all(Array.from({ length: 5 }, () => accounts.note(nodeId, 7, told(500))));
    expect([await healed(), await kept()]).toEqual([2_000, 2_000]);
    await dataSource.query(`UPDATE agent_accounts SET noted_at = noted_at - interval '61 minutes'`);
    await accounts.note(nodeId, 7, told(10));
    expect([await healed(), await kept()]).toEqual([2_010, 2_010]);
  });
});
