import { setTimeout as sleep } from 'node:timers/promises';
import { drive } from './load.mjs';
import { runPgbench } from './pgbench.mjs';
import { medians } from './statistics.mjs';

const SETTLE_WITHIN_MS = 120_000;

/** One measurement of the product: throughput, latency, and what a request costs the service and PostgreSQL. */
export async function measureProduct({ product, database }, load) {
  const before = { service: product.cpu(), postgres: database.cpu() };
  const { others, ...result } = await drive({ url: product.url, ...load });
  const spent = { service: product.cpu() - before.service, postgres: database.cpu() - before.postgres };
  if (others.trim() !== '') throw new Error(`Unexpected answers: ${others}\n${product.output().slice(-2_000)}`);
  return { ...result, serviceUs: spent.service / result.count, postgresUs: spent.postgres / result.count, rssMb: product.rssMb() };
}

export async function measureBaseline({ pgbench, database }, run) {
  const before = database.cpu();
  const result = await runPgbench(pgbench, run);
  return { tps: result.tps, baselineMs: result.averageMs, baselineUs: (database.cpu() - before) / result.count };
}

/** Runs product and baseline alternately, after one round that does not count, and gives the medians. */
export async function interleave(rounds, product, baseline) {
  const [a, b] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const [left, right] = [await product(round), baseline === null ? {} : await baseline(round)];
    if (round === 0) continue;
    a.push(left);
    b.push(right);
  }
  const result = { ...medians(a), ...medians(b) };
  return { ...result, ratio: baseline === null ? null : result.perSecond / result.tps };
}

/** Waits, up to a limit, until the workers have nothing left to do on deployments. Gives the seconds that this took. */
export async function settle(client) {
  const begun = performance.now();
  while (performance.now() - begun < SETTLE_WITHIN_MS) {
    const { rows } = await client.query(`SELECT count(*)::int AS count FROM jobs WHERE kind = 'deployment.reconcile'`);
    if (rows[0].count === 0) return (performance.now() - begun) / 1000;
    await sleep(200);
  }
  return SETTLE_WITHIN_MS / 1000;
}
