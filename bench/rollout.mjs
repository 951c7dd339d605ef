import { engineLine, settle, timed, withDocker } from './docker.mjs';
import { number, table, verdict } from './report.mjs';
import { median } from './statistics.mjs';

/** Each: how many replicas, and how many more than wanted there may be meanwhile; `--only 3+1`. */
const CASES = [
  { replicas: 3, surge: 1 },
  { replicas: 10, surge: 1 },
  { replicas: 10, surge: 3 },
  { replicas: 10, surge: 10 },
];
const MOST_OVERHEAD = 0.1;
const MOST_MS_TO_COMPLETED = 1_000;

/**
 * Rollouts on a real Docker Engine, in turns with the same starts and stops asked of the engine in the same order: as many new containers
 * as the surge allows, and for each one that runs an old one ends while the next one starts. Needs an engine and a local image that goes
 * on running, `--image`.
 */
export const run = ({ publish, heading, options, say }) =>
  withDocker(options, async ({ docker, client, baseline }) => {
    const rows = [];
    for (const each of CASES.filter(({ replicas, surge }) => options.only.length === 0 || options.only.includes(`${replicas}+${surge}`))) {
      say(`${each.replicas} replicas, ${each.surge} more meanwhile ...`);
      rows.push({ ...each, ...(await measure({ docker, client, baseline, options }, each)) });
      say(tableOf(rows.slice(-1)));
    }
    const words =
      `${await engineLine(docker)}. From the request until the new replicas are recorded as serving, and until no old container is left; ` +
      `the engine alone makes the same starts and stops in the same order. Medians of ${options.rounds} turns, without \`min_healthy_seconds\`.`;
    publish(options, 'rollout', `${heading('Rollouts on a Docker Engine', {})}\n${words}\n\n${tableOf(rows)}`);
  });

/** One round is thrown away; product and engine take turns. */
async function measure({ docker, client, baseline, options }, { replicas, surge }) {
  const times = { completed: [], told: [], gone: [], started: [], stopped: [] };
  const id = await client.deploy(replicas, { rollout: { max_surge: surge, min_healthy_seconds: 0 } });
  await client.until(id, 'healthy');
  for (let round = 0; round <= options.rounds; round++) {
    await settle();
    const product = await rollOut({ docker, client }, id, round);
    const olds = await Promise.all(Array.from({ length: replicas }, () => baseline.start()));
    await settle();
    const engine = await replaceAll(baseline, olds, surge);
    if (round === 0) continue;
    for (const [name, ms] of Object.entries({ ...product, ...engine })) times[name].push(ms);
  }
  await client.remove(id);
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

/** All clocks are the one of this machine: the engine's, the database's and our own. */
async function rollOut({ docker, client }, id, round) {
  const begun = Date.now();
  const [gone, { replicas, rollout }] = await timed(async () => {
    await client.ask('PATCH', id, { env: { ROUND: `${round} ${begun}` } });
    return client.until(id, 'rolled_out');
  });
  const running = replicas.filter(({ status }) => status === 'running');
  const starts = await Promise.all(
    running.map(async ({ container_id }) => Date.parse((await docker.getContainer(container_id).inspect()).State.StartedAt)),
  );
  const finished = Date.parse(rollout.finished_at);
  return { completed: finished - begun, told: finished - Math.max(...starts), gone };
}

/** Until the last new container runs, and until the last old one is gone. */
async function replaceAll(baseline, olds, surge) {
  const begun = performance.now();
  const news = [];
  const stops = [];
  let toStart = olds.length;
  const lane = async () => {
    while (toStart > 0) {
      toStart -= 1;
      news.push(await baseline.start());
      stops.push(baseline.stop(olds.pop()));
    }
  };
  await Promise.all(Array.from({ length: surge }, lane));
  const started = performance.now() - begun;
  await Promise.all(stops);
  const stopped = performance.now() - begun;
  await settle();
  await Promise.all(news.map((each) => baseline.stop(each)));
  return { started, stopped };
}

const tableOf = (rows) =>
  table([
    [
      'replicas',
      'surge',
      'completed ms',
      'engine ms',
      'overhead',
      'all gone ms',
      'engine ms',
      'overhead',
      'last start to completed ms',
      '',
    ],
    ...rows.map(({ replicas, surge, completed, told, gone, started, stopped }) => [
      String(replicas),
      String(surge),
      number(completed),
      number(started),
      percent(completed / started - 1),
      number(gone),
      number(stopped),
      percent(gone / stopped - 1),
      number(told),
      verdict(completed / started - 1 <= MOST_OVERHEAD && told <= MOST_MS_TO_COMPLETED),
    ]),
  ]) +
  `\n\nTargets: an overhead of at most ${percent(MOST_OVERHEAD)}, and ${MOST_MS_TO_COMPLETED} ms from the last start to \`completed\`.`;

const percent = (share) => `${number(share * 100)} %`;
