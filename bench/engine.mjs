import { engineLine, settle, timed, withDocker } from './docker.mjs';
import { number, table, verdict } from './report.mjs';
import { median } from './statistics.mjs';

const COUNTS = [1, 10, 20, 30, 100];
const TARGET = 1.3;

/**
 * Deploys and deletes on a real Docker Engine, in turns with the engine's own API: the same containers, created, started, stopped and
 * removed all at once. Needs an engine and a local image that goes on running, `--image`.
 */
export const run = ({ publish, heading, options, say }) =>
  withDocker(options, async ({ docker, client, baseline }) => {
    const rows = [];
    for (const count of COUNTS.filter((each) => options.only.length === 0 || options.only.includes(String(each)))) {
      say(`${count} replicas ...`);
      rows.push({ count, ...(await measure({ client, baseline, options }, count)) });
      say(tableOf(rows.slice(-1)));
    }
    const words = `${await engineLine(docker)}. From the request until all replicas run, and until all are stopped and released; medians of ${options.rounds} turns.`;
    publish(options, 'engine', `${heading('Deploys and deletes on a Docker Engine', {})}\n${words}\n\n${tableOf(rows)}`);
  });

/** One round is thrown away; product and engine take turns. */
async function measure({ client, baseline, options }, count) {
  const times = { deploy: [], remove: [], start: [], stop: [] };
  for (let round = 0; round <= options.rounds; round++) {
    const [deploy, id] = await timed(async () => {
      const made = await client.deploy(count);
      await client.until(made, 'healthy');
      return made;
    });
    await settle();
    const [remove] = await timed(() => client.remove(id));
    const [start, ids] = await timed(() => Promise.all(Array.from({ length: count }, () => baseline.start())));
    await settle();
    const [stop] = await timed(() => Promise.all(ids.map((each) => baseline.stop(each))));
    if (round === 0) continue;
    for (const [name, ms] of Object.entries({ deploy, remove, start, stop })) times[name].push(ms);
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

const tableOf = (rows) =>
  table([
    ['replicas', 'deploy ms', 'engine ms', 'ratio', 'delete ms', 'engine ms', 'ratio', 'target', ''],
    ...rows.map(({ count, deploy, remove, start, stop }) => [
      String(count),
      number(deploy),
      number(start),
      number(deploy / start, 2),
      number(remove),
      number(stop),
      number(remove / stop, 2),
      `≤ ${TARGET}`,
      verdict(deploy / start <= TARGET && remove / stop <= TARGET),
    ]),
  ]);
