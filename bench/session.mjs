import { baselineFunctions } from './baseline.sql.mjs';
import { connect } from './database.mjs';
import { idOf, layoutOf, liveK } from './ids.mjs';
import { makeLive, makeRouted } from './live.sql.mjs';
import { logInUsers, startProduct } from './product.mjs';

const POOL = 2_000;

/**
 * Two copies of one fill on one server. The product works on the first, pgbench on the second, so that neither finds
 * the rows of the other, and no worker changes what the baseline writes.
 */
export async function openSession(database, { size, nodes }) {
  const layout = layoutOf(size);
  const template = await database.fill(size, nodes);
  const workUrl = await database.recreate('bench_work', template);
  const baseUrl = await database.recreate('bench_base', template);
  const [work, base] = [await connect(workUrl), await connect(baseUrl)];
  await base.query(baselineFunctions(nodes));
  let next = 1;
  /** Makes the same new live deployments in both copies, and gives the number of the first. */
  const makeBoth = async (count, replicas) => {
    const first = next;
    next += count;
    for (const client of [work, base]) await makeLive(client, { first, count, replicas, layout, nodes });
    return first;
  };
  const pool = { first: await makeBoth(POOL, 3), count: POOL };
  const routed = { first: await makeBoth(POOL, 3), count: POOL };
  for (const client of [work, base]) await makeRouted(client, routed);
  for (const client of [work, base]) await client.query('ANALYZE');
  return {
    layout,
    workUrl,
    baseUrl,
    work,
    base,
    pool,
    routed,
    makeBoth,
    start: async (environment, options) => {
      const product = await startProduct({ DATABASE_URL: workUrl, ...environment }, options);
      const tokens = await logInUsers(product.url, work, layout);
      return { product, tokens };
    },
    close: async () => {
      await work.end();
      await base.end();
    },
  };
}

/** For each driven user the address of the third page of 20, followed from the Link headers. */
async function findDeepPages(url, tokens, layout) {
  const paths = [];
  for (let user = 1; user <= layout.driven; user++) {
    let path = '/api/deployment/list?limit=20';
    for (let page = 1; page <= 2; page++) {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${tokens[user]}` } });
      await answer.text();
      const [, next] = /<([^>]+)>; *rel="next"/.exec(answer.headers.get('link') ?? '') ?? [];
      if (next === undefined) throw new Error(`Page ${page} of user ${user} has no next page: ${answer.headers.get('link')}`);
      const target = new URL(next, url);
      path = target.pathname + target.search;
    }
    paths[user] = path;
  }
  return paths;
}

/** The value and the row in the cursor of the deep page of user 1. */
export async function deepPagesOf({ work, layout }, url, tokens) {
  const paths = await findDeepPages(url, tokens, layout);
  const k = layout.perUser - 1 - kFromEnd(40);
  const { rows } = await work.query('SELECT id, created_at::text AS value FROM deployments WHERE id = $1', [
    idOf('d', 1 + k * layout.users),
  ]);
  return { paths, k, value: rows[0].value };
}

/** How far the n-th live deployment, newest first, is from the newest one. */
function kFromEnd(n) {
  const ks = Array.from({ length: 80 }, (_, index) => liveK(index)).reverse();
  return 99 - ks[n - 1];
}
