import type { DataSource } from 'typeorm';
import { migrate } from '../../src/database/migrate';
import { migrations } from '../../src/database/migrations';
import { CreateRevisions1795305614000 } from '../../src/database/migrations/1795305614000-create-revisions';
import { FillRevisions1795305615000 } from '../../src/database/migrations/1795305615000-fill-revisions';
import { RenameColumns1795305620000 } from '../../src/database/migrations/1795305620000-rename-columns';
import { createEmptyDatabase } from '../support/empty-database';
import { openDataSource } from '../support/open-data-source';
import { aUser } from '../support/rows';
import type { TestDatabase } from '../support/test-database';
import { undoMigrations } from '../support/undo-migrations';

/** `MIGRATION_DEPLOYMENTS=1000000` measures what docs/decisions.md says. */
const DEPLOYMENTS = Number(process.env.MIGRATION_DEPLOYMENTS ?? 12_000);
/** No statement of a test may take longer than one of the program. */
const FILL_AT_ONCE = 50_000;
const namesUpTo = (last: { name: string }): string[] =>
  migrations
    .slice(
      0,
      migrations.findIndex(({ name }) => name === last.name),
    )
    .map(({ name }) => name);

/** How a program from before the revisions deploys. $1 user, $2 name. */
const DEPLOY_AS_BEFORE = `
  WITH created AS (
    INSERT INTO deployments (user_id, name, type, container_image, target_replicas, region, command, env, ports, health_check)
    VALUES ($1, $2, 'compute', 'nginx:1.27', 2, 'us-east', '["run"]', '{"TOKEN": "x"}', '[{"containerPort": 80, "protocol": "tcp"}]', NULL)
    RETURNING id),
  resources AS (
    INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb) SELECT id, 0.5, 512, 1, 10 FROM created)
  SELECT id FROM created`;
const CHANGE_AS_BEFORE = `UPDATE deployments SET target_replicas = target_replicas + 1, revision = revision + 1 WHERE id = $1`;
const SPEC = {
  image: 'nginx:1.27',
  command: ['run'],
  env: { TOKEN: 'x' },
  ports: [{ containerPort: 80, protocol: 'tcp' }],
  healthCheck: null,
  resources: { cpuCores: 0.5, memoryMb: 512, gpuUnits: 1, storageGb: 10 },
};

describe('the move of specs into revisions', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let userId: string;

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
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const fill = async (): Promise<void> => {
    userId = await aUser(dataSource);
    for (let first = 1; first <= DEPLOYMENTS; first += FILL_AT_ONCE)
      await dataSource.query(
        `WITH created AS (
           INSERT INTO deployments (user_id, name, type, container_image, target_replicas, region, env, labels, created_at)
           SELECT $1, 'filled-' || i, 'compute', 'registry.example.org/a:' || i, 1, 'us-east', '{"A": "1"}', '{"team": "edge"}', now()
             FROM generate_series($2::int, $3::int) AS i RETURNING id)
         INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb)
         SELECT id, 1.005, 512, 0, 10 FROM created`,
        [userId, first, Math.min(DEPLOYMENTS, first + FILL_AT_ONCE - 1)],
      );
  };
  const deployAsBefore = async (name: string): Promise<string> => {
    const [row] = await dataSource.query<{ id: string }[]>(DEPLOY_AS_BEFORE, [userId, name]);
    return row!.id;
  };
  const specOf = async (id: string): Promise<unknown> =>
    (await dataSource.query<{ spec: unknown }[]>(`SELECT spec FROM deployment_revisions WHERE deployment_id = $1 AND number = 1`, [id]))[0]
      ?.spec;

  /** As JSON, because the columns change and a prepared statement must not change its result. */
  const rowOf = async (id: string): Promise<unknown> =>
    (await dataSource.query<{ row: unknown }[]>(`SELECT to_jsonb(d) AS row FROM deployments AS d WHERE id = $1`, [id]))[0]?.row;

  it(
    'gives every deployment its first revision, while programs of before go on to deploy and to change',
    async () => {
      await migrateUpTo(CreateRevisions1795305614000);
      await fill();
      const early = await deployAsBefore('early');
      let isOver = false;
      const others = (async () => {
        // Waiting more than five seconds for a lock is an error.
        for (let n = 0; !isOver; n++) await dataSource.query(CHANGE_AS_BEFORE, [await deployAsBefore(`meanwhile-${n}`)]);
      })();
      const begun = performance.now();
      await migrateUpTo(RenameColumns1795305620000);
      isOver = true;
      await others;
      await migrate(dataSource);
      process.stdout.write(`revisions: ${DEPLOYMENTS} deployments moved in ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);

      const [counts] = await dataSource.query<{ deployments: number; revisions: number; filled: number }[]>(
        `SELECT (SELECT count(*)::int FROM deployments) AS deployments, (SELECT count(*)::int FROM deployment_revisions) AS revisions,
                (SELECT count(*)::int FROM deployments AS d JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
                  WHERE d.name = 'filled-' || split_part(v.spec->>'image', ':', 2) AND (v.spec->'resources'->>'cpuCores')::float8 = 1.005
                    AND v.created_by = d.user_id AND v.created_at = d.created_at) AS filled`,
      );
      expect(counts).toEqual({ deployments: counts!.revisions, revisions: counts!.deployments, filled: DEPLOYMENTS });
      expect(counts!.deployments).toBeGreaterThan(DEPLOYMENTS + 1);
      expect(await specOf(early)).toEqual(SPEC);
    },
    10 * 60_000,
  );

  it('goes on where it was interrupted, and keeps the counter behind the ETag', async () => {
    await migrateUpTo(CreateRevisions1795305614000);
    await fill();
    const id = await deployAsBefore('early');
    await dataSource.query(CHANGE_AS_BEFORE, [id]);
    await migrateUpTo(FillRevisions1795305615000);
    await dataSource.query(
      `INSERT INTO deployment_revisions (deployment_id, number, spec)
       SELECT id, 1, '{"kept": true}' FROM deployments WHERE name = 'filled-7' ON CONFLICT (deployment_id, number) DO NOTHING`,
    );
    await migrate(dataSource);
    const [counts] = await dataSource.query(`SELECT count(*)::int AS revisions FROM deployment_revisions`);
    expect(counts).toEqual({ revisions: DEPLOYMENTS + 1 });
    expect(await dataSource.query(`SELECT version, current_revision FROM deployments WHERE id = $1`, [id])).toEqual([
      { version: 2, current_revision: 1 },
    ]);
  });

  it('lets a program of before change nothing any more, so that it cannot miss the new counter', async () => {
    await migrateUpTo(CreateRevisions1795305614000);
    userId = await aUser(dataSource);
    const id = await deployAsBefore('early');
    await migrate(dataSource);
    const before = await rowOf(id);
    const missing = { code: '42703' };
    await expect(dataSource.query(CHANGE_AS_BEFORE, [id])).rejects.toMatchObject(missing);
    await expect(
      dataSource.query(`UPDATE deployments SET status = 'stopped', revision = revision + 1 WHERE id = $1`, [id]),
    ).rejects.toMatchObject(missing);
    await expect(deployAsBefore('late')).rejects.toMatchObject(missing);
    expect(await rowOf(id)).toEqual(before);
  });

  it('can be taken back without losing a spec', async () => {
    await migrateUpTo(FillRevisions1795305615000);
    await fill();
    const id = await deployAsBefore('early');
    const before = await rowOf(id);
    await migrate(dataSource);
    await undoMigrations(dataSource, migrations.length - namesUpTo(FillRevisions1795305615000).length);
    expect(await rowOf(id)).toEqual(before);
    expect(await specOf(await deployAsBefore('later'))).toEqual(SPEC);
  });
});
