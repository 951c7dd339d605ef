import { idOf } from './ids.mjs';
import { driveSteadily } from './load.mjs';
import { settle } from './measure.mjs';
import { number, table, verdict } from './report.mjs';
import { openSession } from './session.mjs';
import { median } from './statistics.mjs';

const RATE = 100;
const TARGET_MS = 150;

/** Deletes at a steady rate, as clients send them: with and without waiting for the teardown. */
export async function run({ withDatabase, publish, heading, options }) {
  await withDatabase(async (bench) => {
    const session = await openSession(bench.database, options);
    const { product, tokens } = await session.start({});
    const rows = [];
    try {
      for (const replicas of [1, 3, 10]) {
        for (const query of ['?wait=0', '']) rows.push(await measure({ session, product, tokens, options }, replicas, query));
      }
    } finally {
      await product.stop();
      await session.close();
    }
    publish(options, 'p99', `${heading(`Deletes at ${RATE} requests per second`, bench)}\n${tableOf(rows)}`);
  });
}

async function measure({ session, product, tokens, options }, replicas, query) {
  const results = [];
  for (let round = 0; round < options.rounds; round++) {
    const amount = RATE * options.seconds;
    const first = await session.makeBoth(amount + RATE, replicas);
    let i = first;
    const next = () => {
      const headers = { authorization: `Bearer ${tokens[(i % session.layout.driven) + 1]}` };
      return { method: 'DELETE', path: `/api/deployment/${idOf('l', i++)}${query}`, headers };
    };
    results.push(await driveSteadily({ url: product.url, amount, rate: RATE, next, expected: [200, 202] }));
    await settle(session.work);
  }
  const of = (key) => median(results.map((result) => result[key]));
  return {
    replicas,
    query,
    perSecond: of('perSecond'),
    p50: of('p50'),
    p99: of('p99'),
    max: of('max'),
    others: results
      .map(({ others }) => others)
      .join('')
      .trim(),
  };
}

const tableOf = (rows) =>
  table([
    ['delete', 'answers/s', 'p50 ms', 'p99 ms', 'max ms', 'target', ''],
    ...rows.map((row) => [
      `${row.replicas} replicas, ${row.query === '' ? 'torn down' : 'decided (wait=0)'}${row.others === '' ? '' : ` (${row.others})`}`,
      number(row.perSecond),
      number(row.p50, 1),
      number(row.p99, 1),
      number(row.max, 1),
      row.query === '' ? '' : `≤ ${TARGET_MS}`,
      row.query === '' ? '' : verdict(row.p99 <= TARGET_MS),
    ]),
  ]);
