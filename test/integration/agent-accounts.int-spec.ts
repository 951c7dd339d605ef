import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { AccountsRepository } from '../../src/agents/accounts.repository';
import { loadConfig } from '../../src/config/app-config';
import { ReplicasRepository } from '../../src/deployments/replicas.repository';
import { nextAttempt } from '../../src/reconciler/restart-policy';
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
    accounts = new AccountsRepository(dataSource, new ReplicasRepository(loadConfig({})));
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

  describe('counts on', () => {
    const restart = (attempt: number | undefined, agoMs: number | null): Account => ({
      ...told(1)[0]!,
      ...{ agoMs, attempt },
    });
    const count = async () => {
      const [row] = await dataSource.query<{ attempt: number; runningAt: Date | null; changedAt: Date; secondsAgo: number | null }[]>(
        `SELECT attempt, running_at AS "runningAt", changed_at AS "changedAt",
                extract(epoch FROM clock_timestamp() - running_at)::float8 AS "secondsAgo" FROM deployment_replicas WHERE id = $1`,
        [replicaId],
      );
      return row!;
    };
    /** It is recorded as running for an hour, and has perhaps just been seen dead. */
    const ran = (status: string) =>
      dataSource.query(
        `UPDATE deployment_replicas SET status = $2, running_at = now() - interval '1 hour', changed_at = clock_timestamp() WHERE id = $1`,
        [replicaId, status],
      );

    it('where the machine was, from the newest restart that it tells, and from none twice', async () => {
      await ran('running');
      const some = [restart(1, 90_000), restart(2, 80_000), restart(3, 60_000)];
      await accounts.note(nodeId, 7, some);
      const noted = await count();
      expect(noted.attempt).toBe(3);
      expect(noted.secondsAgo).toBeCloseTo(60, -1);
      await dataSource.query(`UPDATE deployment_replicas SET attempt = 9 WHERE id = $1`, [replicaId]);
      await accounts.note(nodeId, 7, some);
      expect((await count()).attempt).toBe(9);
    });

    it('with a run that has ended since, whose successor is the next attempt and not the first of a run of an hour', async () => {
      await ran('failed');
      expect(nextAttempt(await count())).toBe(1);
      await accounts.note(nodeId, 7, [restart(5, 30_000)]);
      expect(nextAttempt(await count())).toBe(6);
      // How long ago a machine that was started since has done it nobody knows, so it counts as just now.
      await accounts.note(nodeId, 7, [restart(6, null)]);
      expect(nextAttempt(await count())).toBe(7);
    });

    it('with one whose start was never seen to end, and with none that has left or that no count is told of', async () => {
      await dataSource.query(`UPDATE deployment_replicas SET status = 'starting', running_at = NULL WHERE id = $1`, [replicaId]);
      await accounts.note(nodeId, 7, [restart(2, 1_000)]);
      expect(await count()).toMatchObject({ attempt: 2, runningAt: null });
      await accounts.note(nodeId, 7, [restart(undefined, 1_000)]);
      expect((await count()).attempt).toBe(2);
      await ran('stopping');
      await accounts.note(nodeId, 7, [restart(3, 1_000)]);
      expect((await count()).attempt).toBe(2);
      await ran('failed');
      await dataSource.query(`UPDATE deployment_replicas SET superseded_at = now() WHERE id = $1`, [replicaId]);
      await accounts.note(nodeId, 7, [restart(4, 1_000)]);
      expect((await count()).attempt).toBe(2);
    });
  });
});
