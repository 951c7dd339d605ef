import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loginCase, readCases, writeCases } from './cases.mjs';
import { drive } from './load.mjs';
import { number, table } from './report.mjs';
import { deepPagesOf, openSession } from './session.mjs';
import { logStatements, traceStatements } from './statements.mjs';

const PROFILED = ['status', 'list, first page', 'deploy', 'scale up and down', 'patch to a new revision', 'delete, 3 replicas'];
const SHOWN_FUNCTIONS = 12;
const SHOWN_PACKAGES = 12;

/** Shows where the service spends its time in a request, and which statements it runs. ROLE=api, so that workers do not mix in. */
export async function run({ withDatabase, publish, heading, options }) {
  await withDatabase(async (bench) => {
    const session = await openSession(bench.database, options);
    try {
      const statements = await traceAll(bench, session);
      const parts = [];
      for (const name of PROFILED) {
        if (options.only.length === 0 || options.only.some((word) => name.startsWith(word)))
          parts.push(await profile(session, options, name));
      }
      publish(options, 'profile', [heading('Where the time goes', bench), statements, ...parts].join('\n\n'));
    } finally {
      await session.close();
    }
  });
}

async function casesOf(session, url, tokens) {
  const deepPages = await deepPagesOf(session, url, tokens);
  return [
    ...readCases({ layout: session.layout, tokens, deepPages, routed: session.routed }),
    loginCase(session),
    ...writeCases({ ...session, tokens }),
  ];
}

async function traceAll({ database }, session) {
  await logStatements(database.admin, 'bench_work');
  const { product, tokens } = await session.start({ ROLE: 'api' });
  try {
    const rows = [];
    for (const test of await casesOf(session, product.url, tokens)) {
      const next = test.nextOf ? test.nextOf(await session.makeBoth(2, test.replicas)) : (test.sample ?? test.next);
      const { statements } = await traceStatements({ logFile: database.logFile(), url: product.url, database: 'bench_work', next });
      rows.push(`- ${test.name}, ${statements.length}: ${statements.map(({ sql }) => inShort(sql)).join('; ')}`);
    }
    return `### Statements per request, transaction control included\n\n${rows.join('\n')}`;
  } finally {
    await product.stop();
    await database.admin.query('ALTER DATABASE bench_work RESET log_statement');
  }
}

/** `WITH created AS (INSERT INTO deployments ...` as `INSERT deployments`. */
function inShort(sql) {
  const write = /\b(INSERT INTO|UPDATE|DELETE FROM)\s+([a-z_]+)/.exec(sql);
  if (write) return `${write[1].split(' ')[0]} ${write[2]}`;
  const table = [...sql.matchAll(/\bFROM\s+([a-z_]+)/g)].at(-1)?.[1];
  return table === undefined ? sql.split(/\s/)[0].toUpperCase() : `SELECT ${table}`;
}

async function profile(session, options, name) {
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-profile-'));
  try {
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'];
    const { product, tokens } = await session.start({ ROLE: 'api' }, { nodeArgs });
    const test = (await casesOf(session, product.url, tokens)).find((known) => known.name === name);
    const amount = 1_600;
    const load = test.nextOf
      ? { amount, next: test.nextOf(await session.makeBoth(amount, test.replicas)) }
      : { seconds: options.seconds, next: test.next, giveBack: test.giveBack };
    await drive({
      url: product.url,
      clients: options.clients,
      amount: 160,
      next: test.nextOf ? test.nextOf(await session.makeBoth(160, test.replicas)) : test.next,
      expected: test.expected,
    });
    const from = now();
    const { count } = await drive({ url: product.url, clients: options.clients, ...load, expected: test.expected });
    const to = now();
    await product.stop();
    const [file] = readdirSync(folder);
    return describe(name, count, JSON.parse(readFileSync(join(folder, file), 'utf8')), { from, to });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** V8 stamps its samples with the same monotonic clock, in microseconds. */
const now = () => Number(process.hrtime.bigint() / 1000n);

function describe(name, count, { nodes, samples, timeDeltas, startTime }, { from, to }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node])));
  const [functions, packages] = [new Map(), new Map()];
  const add = (map, key, us) => map.set(key, (map.get(key) ?? 0) + us);
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    at += timeDeltas[index];
    if (at < from || at > to) continue;
    const { functionName, url, lineNumber } = byId.get(id).callFrame;
    if (functionName === '(idle)') continue;
    const where = packageOf(url, functionName);
    add(packages, where, timeDeltas[index]);
    const caller = where === 'V8' || where === 'node' ? callerOf(id, parents) : '';
    add(
      functions,
      `${functionName || '(anonymous)'} ${where}${url === '' ? '' : ` ${url.split('/').at(-1)}:${lineNumber + 1}`}${caller}`,
      timeDeltas[index],
    );
  }
  const total = [...packages.values()].reduce((sum, us) => sum + us, 0);
  const top = (map, limit) =>
    [...map]
      .sort((a, b) => b[1] - a[1])
      .slice(0, limit)
      .map(([key, us]) => [key, number(us / count), `${number((us / total) * 100)} %`]);
  return [
    `### ${name}: ${number(total / count)} µs per request on the main thread (${count} requests, profiled)`,
    table([['package', 'µs', 'share'], ...top(packages, SHOWN_PACKAGES)]),
    table([['function, self time', 'µs', 'share'], ...top(functions, SHOWN_FUNCTIONS)]),
  ].join('\n\n');
}

/** The nearest caller outside of Node itself. */
function callerOf(id, parents) {
  for (let node = parents.get(id); node !== undefined; node = parents.get(node.id)) {
    const { url, functionName } = node.callFrame;
    if (url !== '' && !url.startsWith('node:')) return `, called by ${packageOf(url, functionName)} ${functionName}`;
  }
  return '';
}

function packageOf(url, functionName) {
  if (url === '') return functionName.startsWith('(') ? functionName : 'V8';
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (name !== undefined) return name;
  return url.startsWith('node:') ? 'node' : 'fog-compute';
}
