import type { DataSource } from 'typeorm';
import { migrate } from '../../src/database/migrate';
import { migrations } from '../../src/database/migrations';
import { CreateProjects1796400000000 } from '../../src/database/migrations/1796400000000-create-projects';
import { FillProjects1796400000500 } from '../../src/database/migrations/1796400000500-fill-projects';
import { RequireProjects1796400001000 } from '../../src/database/migrations/1796400001000-require-projects';
import { createEmptyDatabase } from '../support/empty-database';
import { openDataSource } from '../support/open-data-source';
import type { TestDatabase } from '../support/test-database';

/** `MIGRATION_DEPLOYMENTS=100000 MIGRATION_USERS=1000` measures what docs/decisions.md says. */
const DEPLOYMENTS = Number(process.env.MIGRATION_DEPLOYMENTS ?? 12_000);
const USERS = Number(process.env.MIGRATION_USERS ?? 100);
const namesUpTo = (last: { name: string }): string[] =>
  migrations
    .slice(
      0,
      migrations.findIndex(({ name }) => name === last.name),
    )
    .map(({ name }) => name);

/** How a program from before the projects makes a user. It names what it wants to know, since later migrations add columns. */
const REGISTER_AS_BEFORE = `
  INSERT INTO users (username, email, password_hash) VALUES ($1, $1 || '@example.org', 'none') RETURNING id`;

/** How a program from before the projects deploys. $1 user, $2 name. */
const DEPLOY_AS_BEFORE = `
  INSERT INTO deployments (user_id, name, type, target_replicas, region) VALUES ($1, $2, 'compute', 1, 'us-east') RETURNING id`;

describe('the move of deployments into personal projects', () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  /** Runs the migrations before `last`, and leaves the rest for `migrate`. */
  const migrateUpTo = async (last: { name: string }): Promise<void> => {
    const wanted = new Set(namesUpTo(last));
    const all = dataSource.migrations;
    Object.assign(dataSource, { migrations: all.filter(({ constructor }) => wanted.has(constructor.name)) });
    await migrate(dataSource);
    Object.assign(dataSource, { migrations: all });
  };

  beforeEach(async () => {
    database = await createEmptyDatabase();
    dataSource = await openDataSource(database.url, 4);
    await migrateUpTo(CreateProjects1796400000000);
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const fill = async (): Promise<void> => {
    await dataSource.query(
      `INSERT INTO users (username, email, password_hash) SELECT 'filled-' || i, 'filled-' || i || '@example.org', 'none'
         FROM generate_series(1, $1::int) AS i`,
      [USERS],
    );
    await dataSource.query(
      `INSERT INTO deployments (user_id, name, type, target_replicas, region, labels, status, deleted_at)
       SELECT u.id, 'filled-' || i, 'compute', 1, 'us-east', '{"team": "edge"}',
              CASE WHEN i % 10 = 0 THEN 'deleted' ELSE 'running' END, CASE WHEN i % 10 = 0 THEN now() END
         FROM generate_series(1, $1::int) AS i
         JOIN (SELECT id, row_number() OVER () AS n FROM users WHERE username LIKE 'filled-%') AS u ON u.n = 1 + i % $2::int`,
      [DEPLOYMENTS, USERS],
    );
  };
  const strays = async (): Promise<unknown> =>
    dataSource.query(
      `SELECT d.name FROM deployments AS d LEFT JOIN projects AS p ON p.id = d.project_id AND p.personal_of = d.user_id
         LEFT JOIN project_members AS m ON m.project_id = p.id AND m.user_id = d.user_id AND m.role = 'maintainer'
        WHERE m.user_id IS NULL`,
    );

  it(
    'gives everybody a personal project with what they have, while programs of before go on to deploy',
    async () => {
      await fill();
      let isOver = false;
      const others = (async () => {
        // Waiting more than five seconds for a lock is an error.
        for (let n = 0; !isOver; n += 1) {
          const [made] = await dataSource.query<{ id: string }[]>(REGISTER_AS_BEFORE, [`meanwhile-${String(n)}`]);
          const user = made?.id;
          await dataSource.query(DEPLOY_AS_BEFORE, [user, 'early']);
          await dataSource.query(`UPDATE deployments SET updated_at = now(), version = version + 1 WHERE user_id = $1`, [user]);
        }
      })();
      const begun = performance.now();
      await migrateUpTo(RequireProjects1796400001000);
      const filled = performance.now();
      await migrate(dataSource);
      const done = performance.now();
      isOver = true;
      await others;
      const [filling, all] = [filled - begun, done - begun].map((ms) => (ms / 1000).toFixed(1));
      process.stdout.write(`projects: ${DEPLOYMENTS} deployments of ${USERS} users in ${filling} s, with checks and indexes ${all} s\n`);

      expect(await strays()).toEqual([]);
      const [counts] = await dataSource.query<{ users: number; projects: number }[]>(
        `SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM projects WHERE name = (
                   SELECT username FROM users WHERE id = projects.personal_of)) AS projects`,
      );
      expect(counts!.projects).toBe(counts!.users);
      expect(counts!.users).toBeGreaterThan(USERS);
      const [row] = await dataSource.query<{ id: string }[]>(`SELECT id FROM users LIMIT 1`);
      await dataSource.query(DEPLOY_AS_BEFORE, [row!.id, 'twin']);
      await expect(dataSource.query(DEPLOY_AS_BEFORE, [row!.id, 'twin'])).rejects.toMatchObject({ constraint: 'uq_deployments_live_name' });
    },
    10 * 60_000,
  );

  it('goes on where it was interrupted', async () => {
    await fill();
    await migrateUpTo(FillProjects1796400000500);
    await dataSource.query(
      `WITH made AS (INSERT INTO projects (id, name, personal_of) SELECT id, username, id FROM users WHERE username = 'filled-7')
       UPDATE deployments SET project_id = user_id WHERE name = 'filled-8'`,
    );
    await migrate(dataSource);
    expect(await strays()).toEqual([]);
  });
});
