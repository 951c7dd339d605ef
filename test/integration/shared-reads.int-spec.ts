import type { DataSource } from 'typeorm';
import type { Actor } from '../../src/common/request-context';
import { AppConfig } from '../../src/config/app-config';
import { ListQueryDto } from '../../src/deployments/dto/deployment-list.dto';
import { DeploymentListRepository } from '../../src/deployments/views/deployment-list.repository';
import { readNarrowing } from '../../src/deployments/views/narrowing';
import { DeploymentViewsRepository } from '../../src/deployments/views/deployment-views.repository';
import type { ListQuery } from '../../src/deployments/views/list-query';
import { openDataSource } from '../support/open-data-source';
import { QueryTap } from '../support/query-tap';
import { aDeployment, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

/** As many reads as may share a statement. */
const USERS = 4;
const REFUSED = /invalid input syntax for type uuid/;

/** Reads of the same kind within one turn of the event loop share a statement and nothing else. */
describe('reads that come together', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let tap: QueryTap;
  let lists: DeploymentListRepository;
  let views: DeploymentViewsRepository;
  const users: string[] = [];
  const deployments: string[][] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url);
    tap = new QueryTap(dataSource);
    const config = Object.assign(new AppConfig(), { NODE_OFFLINE_AFTER_SECONDS: 90 });
    lists = new DeploymentListRepository(dataSource, config);
    views = new DeploymentViewsRepository(dataSource, config);
    for (let n = 0; n < USERS; n++) {
      users.push(await aUser(dataSource));
      const own: string[] = [];
      for (let k = 0; k <= n; k++)
        own.push(await aDeployment(dataSource, { user_id: users[n]!, created_at: new Date(1_700_000_000_000 + k) }));
      deployments.push(own);
    }
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const actor = (userId: string): Actor => ({ userId, username: 'u', isAdmin: false, readOnly: false, via: 'session', credentialId: 's' });
  const narrowing = readNarrowing(new ListQueryDto());
  const query = (userId: string, limit = 20): ListQuery => ({
    ...{
      userId,
      project: null,
      boundTo: null,
      status: null,
      name: null,
      createdAfter: null,
      createdBefore: null,
      includeDeleted: false,
      narrowing,
    },
    ...{ sortBy: 'created_at', sortOrder: 'asc', limit, offset: 0, cursor: null },
  });
  const idsOf = async (userId: string, limit?: number): Promise<{ ids: string[]; total: number } | string> =>
    lists.page(query(userId, limit)).then(
      ({ rows, total }) => ({ ids: rows.map(({ id }) => id), total }),
      (error: unknown) => String(error),
    );
  const statusOf = async (id: string, userId: string): Promise<string | null> =>
    views.status(id, actor(userId), { includeDeleted: false, finished: 0 }).then(
      (view) => view?.id ?? null,
      (error: unknown) => String(error),
    );

  it('lists: everybody gets his own page with his own limit, by one statement', async () => {
    let pages: unknown[] = [];
    const statements = await tap.statements(async () => (pages = await Promise.all(users.map((user, n) => idsOf(user, n + 1)))));
    expect(statements).toHaveLength(1);
    expect(pages).toEqual(deployments.map((ids) => ({ ids, total: ids.length })));
  });

  it('status: everybody sees his own and nobody the others of the same statement', async () => {
    const asked = users.flatMap((user) => deployments.map((ids) => ({ user, id: ids[0]! })));
    let seen: (string | null)[] = [];
    const statements = await tap.statements(async () => (seen = await Promise.all(asked.map(({ id, user }) => statusOf(id, user)))));
    expect(statements).toHaveLength(USERS);
    expect(seen).toEqual(asked.map(({ id }, index) => (Math.floor(index / USERS) === index % USERS ? id : null)));
  });

  it('lists: one that the server refuses fails alone', async () => {
    const [first, refused, last] = await Promise.all([idsOf(users[0]!), idsOf('nobody'), idsOf(users[3]!)]);
    expect([first, last]).toEqual([
      { ids: deployments[0], total: 1 },
      { ids: deployments[3], total: 4 },
    ]);
    expect(refused).toMatch(REFUSED);
  });

  it('status: one that the server refuses fails alone', async () => {
    const [first, refused] = await Promise.all([statusOf(deployments[0]![0]!, users[0]!), statusOf('nothing', users[0]!)]);
    expect(first).toBe(deployments[0]![0]);
    expect(refused).toMatch(REFUSED);
  });
});
