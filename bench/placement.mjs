import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { drive } from './load.mjs';
import { settle } from './measure.mjs';
import { number, table, verdict } from './report.mjs';
import { openSession } from './session.mjs';

const require = createRequire(import.meta.url);
const PURE_TARGET = 100_000;
const END_TO_END_TARGET = 3_750;
const SCORE_TARGET = { 10_000: 0.98, 100_000: 0.95 };
/** The longest time of a measurement, which then counts what it has placed so far. */
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
      pure.push({ ...placeAll(nodes, replicas, perCall), quality: qualityOf(nodes, Math.min(perCall, 1_000)) });
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

/** Nodes as the scheduler reads them, of three sizes, with unequal use. */
function makeFleet(nodes) {
  const { Fleet } = require('../dist/scheduling/fleet.js');
  return new Fleet(
    Array.from({ length: nodes }, (_, index) => {
      const size = [1, 1, 2, 4][index % 4];
      return {
        id: `00000000-0000-4000-8000-${String((index * 7_919) % nodes).padStart(12, '0')}`,
        name: `node-${index}`,
        region: REGIONS[index % 3],
        capacity: { cpuCores: 16 * size, memoryMb: 32_768 * size, gpuUnits: index % 50 === 0 ? 2 : 0, storageGb: 500 * size },
        reserved: { cpuCores: (index % 8) / 2, memoryMb: (index % 8) * 512, gpuUnits: 0, storageGb: (index % 8) * 10 },
        cpuUsagePercent: index % 70,
        memoryUsagePercent: index % 60,
        unavailable: null,
      };
    }),
  );
}

const requestFor = (replicas) => ({ replicas, perReplica: PER_REPLICA, region: 'us-east', strategy: 'spread' });

/** Places call after call, each on the nodes as the calls before have left them. */
function placeAll(nodes, replicas, perCall) {
  const { place } = require('../dist/scheduling/place.js');
  const { amountsOf } = require('../dist/scheduling/fleet.js');
  const fleet = makeFleet(nodes);
  const each = amountsOf(PER_REPLICA);
  const begun = performance.now();
  const before = process.cpuUsage();
  let placed = 0;
  while (placed < replicas && performance.now() - begun < PURE_MS) {
    const { nodeIds } = place(requestFor(Math.min(perCall, replicas - placed)), fleet);
    if (nodeIds.length === 0) throw new Error('The fleet of the measurement is full');
    fleet.take(nodeIds, each);
    placed += nodeIds.length;
  }
  const { user, system } = process.cpuUsage(before);
  return { nodes, replicas, perCall, placed, perSecond: placed / ((user + system) / 1e6) };
}

/**
 * The mean score of what a call chooses, as a share of what it would have chosen after looking at every node of the
 * same fleet. The mean over fleets that are empty, a third full and two thirds full.
 */
function qualityOf(nodes, perCall) {
  const { place } = require('../dist/scheduling/place.js');
  const { amountsOf } = require('../dist/scheduling/fleet.js');
  const { score } = require('../dist/scheduling/score.js');
  const fleet = makeFleet(nodes);
  const each = amountsOf(PER_REPLICA);
  const meanScore = ({ nodeIds }) => {
    const counts = new Map();
    const total = nodeIds.reduce((sum, id) => {
      counts.set(id, (counts.get(id) ?? 0) + 1);
      const at = fleet.placeOf(id);
      return sum + score(fleet.nodes[at], fleet.leftOn(at, each, counts.get(id)), 'us-east').total;
    }, 0);
    return total / nodeIds.length;
  };
  const ratios = [];
  for (let round = 0; ; round++) {
    const exact = meanScore(place(requestFor(perCall), fleet, { own: new Map(), exact: true }));
    ratios.push(meanScore(place(requestFor(perCall), fleet)) / exact);
    if (round === 2) break;
    // About fifty of these replicas fit on a node.
    for (let placed = 0; placed < nodes * 15; placed += 100) fleet.take(place(requestFor(100), fleet).nodeIds, each);
  }
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}

/** The time from the first request to the last committed `scheduled` row, with one process that serves the API and works. */
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
    const before = { service: product.cpu(), postgres: database.cpu() };
    const { others } = await drive({ url: product.url, clients: options.clients, amount: deployments, next, expected: [202] });
    if (others.trim() !== '') throw new Error(`Unexpected answers: ${others}`);
    const result = await waitForPlacements(session.work, { since: rows[0].now, wanted: deployments * replicas });
    await settle(session.work);
    const spent = { service: product.cpu() - before.service, postgres: database.cpu() - before.postgres };
    return {
      deployments,
      replicas,
      ...result,
      perSecond: result.placed / result.seconds,
      serviceUs: spent.service / result.placed,
      postgresUs: spent.postgres / result.placed,
    };
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
    await sleep(1_000);
  }
}

const pureTable = (rows) =>
  `In memory, strategy \`spread\`, each call on the nodes as the calls before have left them. \`score\`: of what is chosen, as a share of what a look at every node would choose:\n\n${table(
    [
      ['nodes', 'replicas per call', 'placed', 'placements per CPU second', 'target', '', 'score', 'target', ''],
      ...rows.map((row) => [
        number(row.nodes),
        number(row.perCall),
        number(row.placed),
        number(row.perSecond),
        `≥ ${PURE_TARGET}`,
        verdict(row.perSecond >= PURE_TARGET),
        number(row.quality, 4),
        `≥ ${SCORE_TARGET[row.nodes]}`,
        verdict(row.quality >= SCORE_TARGET[row.nodes]),
      ]),
    ],
  )}`;

const endToEndTable = (rows, { nodes }) =>
  `From the first deploy request to the last committed \`scheduled\` row with its reservations, ${nodes} simulated nodes, workers in the same process, which start the replicas meanwhile. \`service\` and \`PostgreSQL\` are processor time per replica until all of them run:\n\n${table(
    [
      ['deployments', 'replicas each', 'placed', 'seconds', 'replicas/s', 'target', '', 'service µs', 'PostgreSQL µs'],
      ...rows.map((row) => [
        number(row.deployments),
        number(row.replicas),
        number(row.placed),
        number(row.seconds, 1),
        number(row.perSecond),
        `≥ ${END_TO_END_TARGET}`,
        verdict(row.perSecond >= END_TO_END_TARGET),
        number(row.serviceUs),
        number(row.postgresUs),
      ]),
    ],
  )}`;
