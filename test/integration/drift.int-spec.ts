import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/data-source-options';
import { migrate } from '../../src/database/migrate';
import { createEmptyDatabase } from '../support/empty-database';
import { openDataSource } from '../support/open-data-source';
import { dumpSchema } from '../support/schema-dump';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

/** The table of the installation id, and indexes on expressions and of GIN, which an entity cannot declare. */
const WITHOUT_ENTITY = /\binstallation\b|ix_deployments_labels|ix_users_external_groups/;

/** TypeORM quotes the defaults of numbers: `'0'::real` is `0`. */
const unquoted = (line: string): string => line.replace(/ DEFAULT '(\d+)'::(?:bigint|real|numeric)$/, ' DEFAULT $1');

describe('entities and migrations', () => {
  let migrated: TestDatabase;
  let fromMigrations: DataSource;
  beforeAll(async () => {
    migrated = await createTestDatabase();
    fromMigrations = await openDataSource(migrated.url, 2);
    await migrate(fromMigrations);
  });
  afterAll(async () => {
    await fromMigrations?.destroy();
    await migrated?.drop();
  });

  it('TypeORM finds nothing to change in a migrated database', async () => {
    const { upQueries } = await fromMigrations.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('notices a column that no migration made', async () => {
    await fromMigrations.query(`ALTER TABLE nodes DROP COLUMN labels`);
    const { upQueries } = await fromMigrations.driver.createSchemaBuilder().log();
    await fromMigrations.query(`ALTER TABLE nodes ADD COLUMN labels jsonb NOT NULL DEFAULT '{}'`);
    expect(upQueries.map(({ query }) => query)).toEqual([expect.stringContaining('labels')]);
  });

  /** TypeORM compares checks and conditions of indexes only by name. This compares their text in the catalog. */
  it('entities and migrations make the same columns, constraints and indexes, word for word', async () => {
    const empty = await createEmptyDatabase();
    const fromEntities = new DataSource({ ...dataSourceOptions({ url: empty.url, poolSize: 2 }), migrations: [], synchronize: true });
    try {
      await fromEntities.initialize();
      const [made, expected] = [await dumpSchema(fromEntities), await dumpSchema(fromMigrations)];
      for (const part of ['columns', 'constraints', 'indexes'] as const) {
        expect(made[part].map(unquoted)).toEqual(expected[part].filter((line) => !WITHOUT_ENTITY.test(line)));
      }
    } finally {
      if (fromEntities.isInitialized) await fromEntities.destroy();
      await empty.drop();
    }
  });
});
