import type { DataSource } from 'typeorm';
import { WriterLease } from '../../src/routing/writer-lease';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

describe('the lease of a balancer', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let leases: WriterLease[];
  beforeEach(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 2);
    leases = [];
  });
  afterEach(async () => {
    await Promise.all(leases.map((lease) => lease.release()));
    await dataSource?.destroy();
    await database?.drop();
  });
  const aLease = (): WriterLease => {
    const lease = new WriterLease(dataSource);
    leases.push(lease);
    return lease;
  };

  it('is of one process at a time, by name, and free when that one ends', async () => {
    const [one, two] = [aLease(), aLease()];
    expect([await one.hold('x'), await two.hold('x'), await one.hold('x'), await two.hold('y')]).toEqual(['new', 'no', 'again', 'new']);
    await one.release();
    expect(() => one.require()).toThrow('Another process may lead');
    expect(await aLease().hold('x')).toBe('new');
  });

  it('is lost with its connection, and noticed before anything is written', async () => {
    const [one, two] = [aLease(), aLease()];
    await one.hold('x');
    one.require();
    await dataSource.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'fog-compute-balancer' AND datname = current_database()`,
    );
    await until(async () => (await two.hold('x')) === 'new');
    expect(await one.hold('x')).toBe('no');
    expect(() => one.require()).toThrow('Another process may lead');
  });
});
