import { bulkDeployFunction, BULK_DEPLOY_SCRIPT } from './bulk.sql.mjs';
import { interleave, measureBaseline, settle } from './measure.mjs';
import { number, table, verdict } from './report.mjs';
import { openSession } from './session.mjs';

const DEPLOYMENTS_PER_SECOND = 3_750;
/** The deployments of one request, the requests of one measurement, and how many of them are under way at once. */
const [SIZE, REQUESTS, AT_ONCE] = [1_000, 12, 3];

/** Deployments of one replica, a thousand in a request: with each role, and beside it pgbench with the same rows. */
export async function run({ withDatabase, publish, heading, options, say }) {
  await withDatabase(async (bench) => {
    const session = await openSession(bench.database, options);
    const rows = [];
    try {
      await session.base.query(bulkDeployFunction(options.nodes));
      for (const role of options.roles) {
        rows.push({ role, ...(await measureRole({ ...bench, session, options }, role)) });
        say(`  bulk deploy (${role}): ${rows.at(-1).perSecond.toFixed(0)} deployments/s, ratio ${rows.at(-1).ratio.toFixed(2)}`);
      }
    } finally {
      await session.close();
    }
    publish(options, 'bulk', [heading('Bulk deploy', bench), bulkTable(rows, options)].join('\n'));
  });
}

async function measureRole({ database, pgbench, session, options }, role) {
  const { product, tokens } = await session.start({ ROLE: role, MAX_OPERATION_ITEMS_PER_USER: '0' });
  const url = session.baseUrl;
  const baseline = {
    ...{ url, script: BULK_DEPLOY_SCRIPT, clients: AT_ONCE, perClient: REQUESTS / AT_ONCE },
    variables: { driven: session.layout.driven, size: SIZE },
  };
  try {
    const measured = await interleave(
      options.rounds,
      () => measureBulk({ database, product, session, tokens, role }),
      async () => {
        const { tps, ...result } = await measureBaseline({ pgbench, database }, baseline);
        return { ...result, tps: tps * SIZE, baselineUs: result.baselineUs / SIZE };
      },
    );
    return measured;
  } finally {
    await product.stop();
  }
}

let made = 0;

async function measureBulk({ database, product, session, tokens, role }) {
  const { rows } = await session.work.query('SELECT clock_timestamp() AS now');
  const spentSince = meter({ database, product });
  const begun = performance.now();
  const bodies = Array.from({ length: REQUESTS }, () => JSON.stringify({ deployments: Array.from({ length: SIZE }, aDeployment) }));
  const readyAt = performance.now();
  const times = [];
  const sendNext = async () => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const asked = performance.now();
      await deploy(product.url, tokens[(bodies.length % session.layout.driven) + 1], body);
      times.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
  const seconds = (performance.now() - readyAt) / 1000;
  const spent = spentSince();
  const scheduled = await session.work.query(
    `SELECT count(*)::int AS count FROM deployments AS d JOIN reservations AS v ON v.deployment_id = d.id WHERE d.created_at >= $1`,
    [rows[0].now],
  );
  if (scheduled.rows[0].count < SIZE * REQUESTS) throw new Error(`Only ${scheduled.rows[0].count} deployments have their places`);
  if (role !== 'api') await settle(session.work);
  times.sort((a, b) => a - b);
  return {
    perSecond: (SIZE * REQUESTS) / seconds,
    p50: times[Math.floor(times.length / 2)],
    serviceUs: spent.serviceUs,
    postgresUs: spent.postgresUs,
    runningPerSecond: role === 'api' ? NaN : (SIZE * REQUESTS) / ((performance.now() - begun) / 1000),
  };
}

function meter({ database, product }) {
  const before = { service: product.cpu(), postgres: database.cpu() };
  return () => ({
    serviceUs: (product.cpu() - before.service) / (SIZE * REQUESTS),
    postgresUs: (database.cpu() - before.postgres) / (SIZE * REQUESTS),
  });
}

const aDeployment = () => ({
  name: `many-${process.pid}-${++made}`,
  type: 'compute',
  container_image: 'registry.example.org/team/service:1.4.2',
  replicas: 1,
  resources: { cpu: 0.5, memory: 512, storage: 10 },
  env: { MODE: 'production' },
  labels: { team: 'edge' },
});

async function deploy(url, token, body) {
  const answer = await fetch(`${url}/api/deployment/bulk-deploy`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  });
  const operation = await answer.json();
  if (operation.created !== SIZE) throw new Error(`A bulk deploy answered ${answer.status}: ${JSON.stringify(operation).slice(0, 500)}`);
}

const bulkTable = (rows, { nodes }) =>
  `${REQUESTS} requests of ${SIZE} deployments with one replica each, ${AT_ONCE} at once, ${nodes} simulated nodes. A deployment counts when the answer has come: it is committed, has its place, and is \`scheduled\`. \`service\` and \`PostgreSQL\` are processor time per deployment until then. \`running/s\`: until all of them run. \`pgbench\`: one statement with the same rows:\n\n${table(
    [
      [
        ...['bulk deploy', 'deployments/s', 'target', '', 'p50 ms of a request', 'service µs', 'PostgreSQL µs'],
        ...['pgbench deployments/s', 'pgbench µs', 'ratio', 'running/s'],
      ],
      ...rows.map((row) => [
        `ROLE=${row.role}`,
        number(row.perSecond),
        `≥ ${DEPLOYMENTS_PER_SECOND}`,
        verdict(row.perSecond >= DEPLOYMENTS_PER_SECOND),
        number(row.p50),
        number(row.serviceUs),
        number(row.postgresUs),
        number(row.tps),
        number(row.baselineUs),
        number(row.ratio, 2),
        number(row.runningPerSecond),
      ]),
    ],
  )}`;
