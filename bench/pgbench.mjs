import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEBIAN = '/usr/lib/postgresql';

/** pgbench from the PATH, or where Debian keeps it. */
export function findPgbench() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const candidates = ['pgbench', ...versions.map((version) => join(DEBIAN, version, 'bin', 'pgbench'))];
  for (const path of candidates) {
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    if (status === 0) return { path, version: stdout.trim() };
  }
  throw new Error(
    'pgbench is missing; it is the baseline. It comes with PostgreSQL: apt-get install postgresql-contrib, or brew install postgresql.',
  );
}

/** Runs a script over prepared statements, for some seconds or a number of times for each client. */
export async function runPgbench({ path }, { url, script, variables, clients, seconds, perClient }) {
  const { hostname, port, username, password, pathname } = new URL(url);
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-pgbench-'));
  const file = join(folder, 'script.sql');
  writeFileSync(file, script);
  const defines = Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]);
  const length = perClient === undefined ? ['-T', String(seconds)] : ['-t', String(perClient)];
  const args = [
    '-h',
    hostname,
    '-p',
    port,
    '-U',
    username,
    '-M',
    'prepared',
    '-c',
    String(clients),
    '-j',
    '2',
    '-n',
    ...length,
    ...defines,
    '-f',
    file,
  ];
  try {
    const output = await run(path, [...args, pathname.slice(1)], { ...process.env, PGPASSWORD: password });
    const read = (pattern) => Number(pattern.exec(output)?.[1] ?? NaN);
    const failed = read(/number of failed transactions: (\d+)/);
    if (failed > 0 || /aborted/.test(output)) throw new Error(`pgbench failed:\n${output}`);
    return {
      tps: read(/tps = ([\d.]+)/),
      count: read(/number of transactions actually processed: (\d+)/),
      averageMs: read(/latency average = ([\d.]+)/),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`pgbench ended with ${code}:\n${output.slice(0, 1_000)}`)),
    );
  });
}
