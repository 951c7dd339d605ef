import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { drive } from './load.mjs';
import { number, table, verdict } from './report.mjs';
import { openSession } from './session.mjs';

const require = createRequire(import.meta.url);
const PURE_TARGET = 100_000;
const END_TO_END_TARGET = 3_750;
/** A measurement ends after so long, with what it has placed by then. */
const PURE_MS = 10_000;
const REGIONS = ['us-east', 'us-west', 'eu-west'];
const PER_REPLICA = { cpuCores: 0.5, memoryMb: 512, gpuUnits: 0, storageGb: 10 };

export async function run({ withDatabase, publish, heading, options, say }) {
  const pure = [];
  for (const [nodes, replicas] of [
    [10_000, 100_000],
    [100_000, 1_000_000],
  ]) {
    for (const perCall of [1, 10, 100, 1_000, replicas]) {
      pure.push(placeAll(nodes, replicas, perCall));
      say(`  ${nodes} nodes, ${perCall} per call: ${pure.at(-1).perSecond.toFixed(0)} per CPU second`);
    }
  }
  await withDatabase(async (bench) => {
    const rows = [];
    for (const [deployments, replicas] of [
      [200, 100],
      [4_000, 1],
    ]) {
      rows.push(await placeEndToEnd(bench, options, deployments, replicas));
      say(`  end to end, ${replicas} each: ${rows.at(-1).perSecond.toFixed(0)} replicas/s`);
    }
    publish(options, 'placement', [heading('Placement', bench), pureTable(pure), '', endToEndTable(rows, options)].join('\n'));
  });
}

/** Nodes as the scheduler reads them, with unequal use, and placements applied to them from call to call. */
function placeAll(nodes, replicas, perCall) {
  const { place } = require('../dist/scheduling/place.js');
  const fleet = Array.from({ length: nodes }, (_, index) => ({
    id: `00000000-0000-4000-8000-${String((index * 7_919) % nodes).padStart(12, '0')}`,
    name: `node-${index}`,
    region: REGIONS[index % 3],
    capacity: { cpuCores: 16, memoryMb: 32_768, gpuUnits: index % 50 === 0 ? 2 : 0, storageGb: 500 },
    reserved: { cpuCores: (index % 8) / 2, memoryMb: (index % 8) * 512, gpuUnits: 0, storageGb: (index % 8) * 10 },
    cpuUsagePercent: index % 70,
    memoryUsagePercent: index % 60,
    ownReplicas: 0,
    unavailable: null,
  }));
  const byId = new Map(fleet.map((node) => [node.id, node]));
  const begun = performance.now();
  let [placed, spentUs] = [0, 0];
  while (placed < replicas && performance.now() - begun < PURE_MS) {
    const before = process.cpuUsage();
    const { nodeIds } = place(
      { replicas: Math.min(perCall, replicas - placed), perReplica: PER_REPLICA, region: 'us-east', strategy: 'spread' },
      fleet,
    );
    const { user, system } = process.cpuUsage(before);
    spentUs += user + system;
    if (nodeIds.length === 0) throw new Error('The fleet of the measurement is full');
    placed += nodeIds.length;
    for (const id of nodeIds) {
      const node = byId.get(id);
      const { reserved } = node;
      node.reserved = {
        cpuCores: reserved.cpuCores + PER_REPLICA.cpuCores,
        memoryMb: reserved.memoryMb + PER_REPLICA.memoryMb,
        gpuUnits: 0,
        storageGb: reserved.storageGb + PER_REPLICA.storageGb,
      };
    }
  }
  return { nodes, replicas, perCall, placed, perSecond: placed / (spentUs / 1e6) };
}

/** From the first request to the last committed `scheduled` row, with one process that accepts and works. */
async function placeEndToEnd({ database }, options, deployments, replicas) {
  const session = await openSession(database, options);
  const { product, tokens } = await session.start({});
  try {
    await sleep(2_000);
    let count = 0;
    const next = () => {
      const name = `placed-${++count}`;
      const body = { name, type: 'compute', container_image: 'registry.example.org/a:1', replicas, resources: { cpu: 0.5, memory: 512 } };
      return {
        method: 'POST',
        path: '/api/deployment/deploy',
        headers: { authorization: `Bearer ${tokens[(count % session.layout.driven) + 1]}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      };
    };
    const { rows } = await session.work.query('SELECT clock_timestamp() AS now');
    await drive({ url: product.url, clients: options.clients, amount: deployments, next, expected: [202] });
    const result = await waitForPlacements(session.work, { since: rows[0].now, wanted: deployments * replicas });
    return { deployments, replicas, ...result, perSecond: result.placed / result.seconds };
  } finally {
    await product.stop();
    await session.close();
  }
}

async function waitForPlacements(client, { since, wanted }) {
  const deadline = performance.now() + 180_000;
  for (;;) {
    const { rows } = await client.query(
      `SELECT count(v.replica_id)::int AS placed, extract(epoch FROM max(h.changed_at) - min(d.created_at))::float8 AS seconds
         FROM deployments d JOIN deployment_status_history h ON h.deployment_id = d.id AND h.new_status = 'scheduled'
         LEFT JOIN reservations v ON v.deployment_id = d.id
        WHERE d.created_at >= $1`,
      [since],
    );
    if (rows[0].placed >= wanted || performance.now() > deadline) return rows[0];
    await sleep(250);
  }
}

const pureTable = (rows) =>
  `In memory, strategy \`spread\`, each call on the nodes as the calls before have left them:\n\n${table([
    ['nodes', 'replicas per call', 'placed', 'placements per CPU second', 'target', ''],
    ...rows.map((row) => [
      number(row.nodes),
      number(row.perCall),
      number(row.placed),
      number(row.perSecond),
      `≥ ${PURE_TARGET}`,
      verdict(row.perSecond >= PURE_TARGET),
    ]),
  ])}`;

const endToEndTable = (rows, { nodes }) =>
  `From the first deploy request to the last committed \`scheduled\` row with its reservations, ${nodes} simulated nodes, workers in the same process:\n\n${table(
    [
      ['deployments', 'replicas each', 'placed', 'seconds', 'replicas/s', 'target', ''],
      ...rows.map((row) => [
        number(row.deployments),
        number(row.replicas),
        number(row.placed),
        number(row.seconds, 1),
        number(row.perSecond),
        `≥ ${END_TO_END_TARGET}`,
        verdict(row.perSecond >= END_TO_END_TARGET),
      ]),
    ],
  )}`;
