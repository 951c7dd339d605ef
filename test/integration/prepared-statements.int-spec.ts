import { DataSource } from 'typeorm';
import { AppConfig } from '../../src/config/app-config';
import { AuditLogRepository } from '../../src/admin/audit-log.repository';
import type { AuditFilters } from '../../src/admin/audit-query';
import { ListQueryDto } from '../../src/deployments/dto/deployment-list.dto';
import { DeploymentListRepository } from '../../src/deployments/views/deployment-list.repository';
import { readNarrowing } from '../../src/deployments/views/narrowing';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const ID = '00000000-0000-4000-8000-000000000000';
const TIME = '2026-01-31T12:00:00.000Z';

/** All subsets of the members. */
const subsets = <T extends object>(whole: T): Partial<T>[] =>
  Object.entries(whole).reduce<Partial<T>[]>(
    (found, [key, value]) => found.flatMap((subset) => [subset, { ...subset, [key]: value as unknown }]),
    [{}],
  );

/** Once the filters of the audit log alone made more statements than are prepared, so that later statements were never prepared. */
describe('prepared statements', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 1);
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const prepared = async (pattern: string): Promise<number> => {
    const [{ n }] = await dataSource.query<[{ n: number }]>(
      `SELECT count(*)::int AS n FROM pg_prepared_statements WHERE statement LIKE '${pattern}'`,
    );
    return n;
  };

  it('are not used up by all filters of the audit log and of the list together', async () => {
    const audit = new AuditLogRepository(dataSource);
    const everyFilter: Required<AuditFilters> = {
      ...{ actorId: ID, action: 'a', resourceType: 'b', resourceId: ID, outcome: 'done', requestId: 'c', after: TIME, before: TIME },
    };
    for (const filters of subsets(everyFilter)) {
      await audit.count(filters);
      for (const cursor of [null, { id: '1', backwards: false }, { id: '1', backwards: true }]) await audit.rows(filters, 1, cursor);
    }

    const list = new DeploymentListRepository(dataSource, new AppConfig());
    const nothing = { userId: null, project: null, boundTo: null, status: null, name: null, createdAfter: null, createdBefore: null };
    const narrowing = readNarrowing(new ListQueryDto());
    const page = { limit: 1, offset: 0, includeDeleted: false, narrowing } as const;
    const everySearch = {
      userId: ID,
      project: null,
      status: 'running',
      name: 'a',
      createdAfter: TIME,
      createdBefore: TIME,
      includeDeleted: true,
    } as const;
    for (const search of subsets(everySearch))
      for (const sortBy of ['created_at', 'name', 'status'] as const)
        for (const sortOrder of ['asc', 'desc'] as const)
          for (const cursor of [null, { value: '1', id: ID, backwards: false }])
            await list.page({ ...nothing, ...page, ...search, sortBy, sortOrder, cursor });

    expect(await prepared('%audit_log%')).toBe(0);
    expect(await prepared('%deployments AS d%')).toBeGreaterThan(0);
    expect(await prepared('%')).toBeLessThan(250);
    await dataSource.query(`SELECT $1::text AS last`, ['x']);
    expect(await prepared('SELECT $1::text AS last')).toBe(1);
  });
});
