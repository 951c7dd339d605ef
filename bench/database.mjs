import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { COUNT_RESERVATIONS, fillStatements } from './fill.sql.mjs';
import { layoutOf } from './ids.mjs';
import { sizeName } from './options.mjs';
import { cpuOfFamily, parentOf } from './process-stats.mjs';

const require = createRequire(import.meta.url);
const FOLDER = join(tmpdir(), `fog-compute-bench-${userInfo().username}`);
/** How many versions of fills are kept. Older ones are removed. */
const KEPT_FILLS = 4;

/** A PostgreSQL for the bench alone, with the settings of the embedded one. It keeps its fills between runs. */
export async function openDatabase(say) {
  const { startEmbeddedPostgres } = require('../dist/database/embedded/embedded-postgres.js');
  const server = await startEmbeddedPostgres({ dataDir: FOLDER, settings: { log_line_prefix: '%m [%p] %d %a ' } });
  const admin = await connect(server.url);
  const urlOf = (name) => Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  const { rows } = await admin.query('SELECT pg_backend_pid() AS pid, version()');
  const postmaster = parentOf(rows[0].pid);

  const recreate = async (name, template) => {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.query(`CREATE DATABASE ${name} ${template ? `TEMPLATE ${template} STRATEGY file_copy` : ''}`);
    return urlOf(name);
  };
  return {
    version: rows[0].version,
    admin,
    urlOf,
    recreate,
    cpu: () => cpuOfFamily(postmaster),
    logFile: () => findLog(FOLDER),
    fill: (size, nodes) => fill({ admin, recreate, say }, layoutOf(size), nodes),
    close: async () => {
      await admin.end();
      await server.stop();
    },
  };
}

export async function connect(url) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** The name of a database with that many deployments, made unless an earlier run has left it. */
async function fill({ admin, recreate, say }, layout, nodes) {
  const name = `fill_${sizeName(layout.size).toLowerCase()}_${nodes}_${versionOfSchema()}`;
  const { rows } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  if (rows.length > 0) return name;
  await forgetOldFills(admin);
  const begun = performance.now();
  say(`Filling ${layout.size} deployments ...`);
  const url = await recreate('fill_draft');
  await migrate(url);
  await admin.query(`ALTER SYSTEM SET max_wal_size = '16GB'`);
  await admin.query('SELECT pg_reload_conf()');
  try {
    await Promise.all(fillStatements(layout, nodes).map((statement) => alone(url, [statement])));
    await alone(url, [COUNT_RESERVATIONS, 'VACUUM (FREEZE, ANALYZE)', 'CHECKPOINT']);
  } finally {
    await admin.query('ALTER SYSTEM RESET max_wal_size');
    await admin.query('SELECT pg_reload_conf()');
  }
  await checkFill(url);
  await admin.query(`ALTER DATABASE fill_draft RENAME TO ${name}`);
  say(`Filled in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  return name;
}

async function alone(url, statements) {
  const client = await connect(url);
  try {
    await client.query(`SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB'`);
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function withDataSource(url, work) {
  const { DataSource } = require('typeorm');
  const { dataSourceOptions } = require('../dist/data-source-options.js');
  const dataSource = await new DataSource(dataSourceOptions({ url, poolSize: 2 })).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

const migrate = (url) => withDataSource(url, require('../dist/database/migrate.js').migrate);

/** Checks the invariants of the product, because a fill that breaks one would measure something else. */
async function checkFill(url) {
  const { checkInvariants } = require('../dist/invariants/check-invariants.js');
  const violations = await withDataSource(url, (dataSource) => checkInvariants(dataSource, { graceSeconds: 300 }));
  for (const { invariant, count, examples } of violations) {
    throw new Error(`The data breaks "${invariant.sentence}" ${count} times, such as ${JSON.stringify(examples[0])}`);
  }
}

async function forgetOldFills(admin) {
  const { rows } = await admin.query(`SELECT datname FROM pg_database WHERE datname ~ '^fill_' ORDER BY oid DESC OFFSET ${KEPT_FILLS}`);
  for (const { datname } of rows) await admin.query(`DROP DATABASE ${datname} WITH (FORCE)`);
}

/** A version that changes with the migrations and with the fill itself. */
function versionOfSchema() {
  const hash = createHash('sha256');
  const migrations = new URL('../dist/database/migrations/', import.meta.url);
  for (const file of readdirSync(migrations)
    .filter((name) => name.endsWith('.js'))
    .sort())
    hash.update(readFileSync(new URL(file, migrations)));
  hash.update(readFileSync(new URL('fill.sql.mjs', import.meta.url)));
  return hash.digest('hex').slice(0, 10);
}

function findLog(folder) {
  const found = readdirSync(folder, { recursive: true }).find((name) => name.endsWith('server.log'));
  if (found === undefined) throw new Error(`There is no server.log in ${folder}`);
  return join(folder, found);
}
