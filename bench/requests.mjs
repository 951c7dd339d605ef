import { setTimeout as sleep } from 'node:timers/promises';
import { loginCase, readCases, writeCases } from './cases.mjs';
import { interleave, measureBaseline, measureProduct, settle } from './measure.mjs';
import { deepPagesOf, openSession } from './session.mjs';
import { logStatements, toScript, traceStatements } from './statements.mjs';

const WARM_UP = 320;
/**
 * How many replicas one measurement makes at most. Fewer with workers in the process, because each replica is torn down
 * before the next one.
 */
const MOST_REPLICAS = { api: 60_000, all: 6_000 };

/** Measures every request in each role and gives one row for each. */
export async function measureRequests(bench, options) {
  const session = await openSession(bench.database, options);
  try {
    const rows = [];
    const traced = await traceReads(bench, session);
    for (const role of options.roles)
      rows.push(...(await measureRole(bench, session, options, { role, traced, reads: role === options.roles[0] })));
    return rows;
  } finally {
    await session.close();
  }
}

async function measureRole(bench, session, options, { role, traced, reads }) {
  const { product, tokens } = await session.start({ ROLE: role });
  const context = { ...bench, product, session, options };
  const rows = [];
  const run = async (test, measure) => {
    if (options.only.length > 0 && !options.only.some((word) => test.name.startsWith(word))) return;
    const row = { name: test.name, role, target: test.target, ...(await measure(test)) };
    rows.push(row);
    bench.say(
      `  ${row.name} (${role}): ${row.perSecond.toFixed(0)}/s${row.ratio === null ? '' : `, pgbench ${row.tps.toFixed(0)}, ratio ${row.ratio.toFixed(2)}`}`,
    );
  };
  try {
    await sleep(1_000);
    if (reads) {
      const cases = readCases({ ...session, tokens, deepPages: await deepPagesOf(session, product.url, tokens) });
      for (const test of cases) await run(test, (read) => measureRead(context, read, traced.get(read.name)));
      await run(loginCase(session), (login) => measureAlone(context, login));
    }
    for (const test of writeCases({ ...session, tokens })) {
      await run(test, test.replicas === undefined ? (write) => measureWrite(context, write) : (write) => measureDelete(context, write));
      await settleIfWorking(context);
    }
    return rows;
  } finally {
    await product.stop();
  }
}

const loadOf = ({ options }, test) => ({
  clients: options.clients,
  seconds: options.seconds,
  next: test.next,
  giveBack: test.giveBack,
  expected: test.expected,
});

/** The baseline runs the product's own statements. */
async function measureRead(context, test, statements) {
  const { session, options } = context;
  const script = toScript(test.prelude, statements, test.variables);
  const { driven, users, livePerUser } = session.layout;
  const baseline = {
    url: session.baseUrl,
    script,
    variables: { driven, users, live: livePerUser },
    clients: options.clients,
    seconds: options.seconds,
  };
  const result = await interleave(
    options.rounds,
    () => measureProduct(context, loadOf(context, test)),
    () => measureBaseline(context, baseline),
  );
  return { ...result, statements: statements.length };
}

const measureAlone = (context, test) => interleave(context.options.rounds, () => measureProduct(context, loadOf(context, test)), null);

async function measureWrite(context, test) {
  const { session, options } = context;
  const { pool, layout } = session;
  const variables = { driven: layout.driven, first: pool.first, last: pool.first + pool.count - 1 };
  const baseline = { url: session.baseUrl, script: test.script, variables, clients: options.clients, seconds: options.seconds };
  return interleave(
    options.rounds,
    async () => {
      const result = await measureProduct(context, loadOf(context, test));
      return { ...result, settledAfter: await settleIfWorking(context) };
    },
    () => measureBaseline(context, baseline),
  );
}

/** Each round deletes deployments that were made for it. The round before tells how many fit into its time. */
async function measureDelete(context, test) {
  const { session, options } = context;
  const most = Math.floor(MOST_REPLICAS[context.product.hasWorkers ? 'all' : 'api'] / test.replicas);
  let rates = { product: 0, baseline: 0 };
  let first = 0;
  const amountOf = (round, rate) => {
    const wanted = round === 0 ? Math.min(WARM_UP, most) : Math.min(most, rate * options.seconds);
    return Math.max(options.clients, Math.floor(wanted / options.clients) * options.clients);
  };
  return interleave(
    options.rounds,
    async (round) => {
      const amounts = { product: amountOf(round, rates.product), baseline: amountOf(round, rates.baseline) };
      first = await session.makeBoth(Math.max(amounts.product, amounts.baseline), test.replicas);
      const load = { clients: options.clients, amount: amounts.product, next: test.nextOf(first), expected: test.expected };
      const result = await measureProduct(context, load);
      rates.product = result.perSecond;
      return { ...result, settledAfter: await settleIfWorking(context) };
    },
    async (round) => {
      const perClient = amountOf(round, rates.baseline) / options.clients;
      const variables = { driven: session.layout.driven, first, per: perClient, n: 0 };
      const result = await measureBaseline(context, {
        url: session.baseUrl,
        script: test.script,
        variables,
        clients: options.clients,
        perClient,
      });
      rates.baseline = result.tps;
      return result;
    },
  );
}

/** With workers in the process, the baseline waits until they have caught up. Gives the seconds of that. */
async function settleIfWorking({ session, product }) {
  return product.hasWorkers ? await settle(session.work) : 0;
}

/** The statements of each reading request, by name. */
async function traceReads({ database }, session) {
  await logStatements(database.admin, 'bench_work');
  const { product, tokens } = await session.start({ ROLE: 'api' });
  const traced = new Map();
  try {
    const cases = readCases({ ...session, tokens, deepPages: await deepPagesOf(session, product.url, tokens) });
    for (const test of cases) {
      const order = { logFile: database.logFile(), url: product.url, database: 'bench_work', next: test.sample };
      traced.set(test.name, (await traceStatements(order)).statements);
    }
    return traced;
  } finally {
    await product.stop();
    await database.admin.query('ALTER DATABASE bench_work RESET log_statement');
  }
}
