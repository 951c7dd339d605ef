import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DataSource } from 'typeorm';
import { migrations } from '../../src/database/migrations';
import { migrate } from '../../src/database/migrate';
import { createEmptyDatabase } from '../support/empty-database';
import { openDataSource } from '../support/open-data-source';
import { dumpSchema } from '../support/schema-dump';
import type { TestDatabase } from '../support/test-database';
import { undoMigrations } from '../support/undo-migrations';

const ROOT = join(__dirname, '../..');

describe('migrations', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  beforeEach(async () => {
    database = await createEmptyDatabase();
    dataSource = await openDataSource(database.url, 2);
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  it('go up, all the way down without a trace, and up to the same schema again', async () => {
    await migrate(dataSource);
    const first = await dumpSchema(dataSource);
    expect(first.triggers.length).toBeGreaterThan(0);

    await undoMigrations(dataSource, migrations.length);
    expect(await dumpSchema(dataSource)).toEqual({ columns: [], constraints: [], indexes: [], triggers: [], functions: [] });

    await migrate(dataSource);
    expect(await dumpSchema(dataSource)).toEqual(first);
  });

  it('run once when two processes start at the same moment', async () => {
    const other = await openDataSource(database.url, 2);
    try {
      const ran = await Promise.all([migrate(dataSource), migrate(other)]);
      expect(ran.map((names) => names.length).sort()).toEqual([0, migrations.length]);
    } finally {
      await other.destroy();
    }
  });

  it('stop at the first failure and leave what ran before it, to go on from there', async () => {
    await dataSource.query(`CREATE TABLE jobs (id integer)`);
    await expect(migrate(dataSource)).rejects.toThrow('already exists');
    await dataSource.query(`DROP TABLE jobs`);
    expect((await migrate(dataSource)).length).toBe(migrations.length - 2);
  });

  it('are what the TypeORM command line shows and runs', async () => {
    const typeorm = (...args: string[]): Promise<{ stdout: string }> =>
      promisify(execFile)(process.execPath, ['-r', '@swc-node/register', 'node_modules/typeorm/cli.js', '-d', 'ormconfig.ts', ...args], {
        cwd: ROOT,
        env: { ...process.env, DATABASE_URL: database.url },
      });
    await typeorm('migration:run');
    const { stdout } = await typeorm('migration:show');
    for (const { name } of migrations) expect(stdout).toMatch(new RegExp(`\\[X\\] .*${name}`));
  });
});
