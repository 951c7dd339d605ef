import type { DataSource } from 'typeorm';
import { ResyncRepository } from '../../src/reconciler/resync.repository';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('the resync', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  beforeEach(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 2);
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  /** A running deployment without replicas whose table of routes has so many. */
  const aTable = async (userId: string, backends: number): Promise<string> => {
    const id = await aDeployment(dataSource, { user_id: userId });
    const answers = Array.from({ length: backends }, (_, n) => ({ replicaId: `00000000-0000-4000-8000-00000000000${n}`, ports: {} }));
    await dataSource.query(`INSERT INTO route_tables (deployment_id, version, backends, leaving, changed_in) VALUES ($1, 1, $2, '[]', 1)`, [
      id,
      JSON.stringify(answers),
    ]);
    return id;
  };

  it('wakes a deployment for which others answer than should, and comes to every table in its turn', async () => {
    const userId = await aUser(dataSource);
    const [wrong] = [await aTable(userId, 2), await aTable(userId, 0)];
    await dataSource.query(`
      WITH made AS (
        INSERT INTO deployments (user_id, name, type, target_replicas, region, status)
        SELECT '${userId}', 'many-' || n, 'compute', 1, 'us-east', 'running' FROM generate_series(1, 1500) AS n RETURNING id)
      INSERT INTO route_tables (deployment_id, version, backends, leaving, changed_in) SELECT id, 1, '[]', '[]', 1 FROM made`);
    const resync = new ResyncRepository(dataSource);
    const found = [await resync.enqueueUnsettled(), await resync.enqueueUnsettled()];
    expect(found.reduce((sum, count) => sum + count)).toBe(1);
    expect(await dataSource.query(`SELECT key FROM jobs WHERE kind = 'deployment.reconcile'`)).toEqual([{ key: wrong }]);
    await dataSource.query(`DELETE FROM jobs`);
    // Round again.
    expect((await resync.enqueueUnsettled()) + (await resync.enqueueUnsettled())).toBe(1);
  });
});
