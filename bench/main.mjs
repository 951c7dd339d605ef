// `npm run bench`: measures the product and writes docs/performance.md. Not a part of the tests. `-- --help` tells more.
import { openDatabase } from './database.mjs';
import { readOptions, sizeName } from './options.mjs';
import { findPgbench } from './pgbench.mjs';
import { measureRequests } from './requests.mjs';
import { machine, requestTable, writeSection } from './report.mjs';

const HELP = `npm run bench -- [command] [options]
  requests    every request against pgbench (the default)
  scale       the cost of a request at --sizes (10k,1M)
  p99         deletes at 100 requests per second
  placement   placement in memory and end to end
  bulk        a thousand deployments in a request
  start       time to readiness, memory when idle
  engine      deploys and deletes on a real Docker Engine, against the engine's own API (--image)
  rollout     rollouts on a real Docker Engine, against the same starts and stops of the engine (--image)
  kubernetes  deploys on a cluster, against the same Jobs created there (KUBECONFIG_FOR_TESTS, --image)
  router      the built-in router beside HAProxy (haproxy and wrk)
  agents      what --nodes agents cost one API process; join to first replica
  profile     where the service's time goes; statements per request
Options: --size 100k --clients 16 --rounds 5 --seconds 4 --roles all,api --only status,list --nodes 50 --image fog-test/busybox:1 --no-doc
`;

const say = (words) => process.stderr.write(`${words}\n`);

async function withDatabase(work) {
  const pgbench = findPgbench();
  const database = await openDatabase(say);
  try {
    return await work({ database, pgbench, say });
  } finally {
    await database.close();
  }
}

const commandLine = () => `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`;

function publish(options, name, text) {
  process.stdout.write(`\n${text}\n`);
  if (options.writesDoc) writeSection(name, text);
}

const heading = (title, bench) => `## ${title}\n\n\`${commandLine()}\`; ${machine(bench)}; ${new Date().toISOString().slice(0, 10)}.\n`;

const COMMANDS = {
  help: () => process.stdout.write(HELP),
  requests: (options) =>
    withDatabase(async (bench) => {
      const rows = await measureRequests(bench, options);
      const title = heading(`Requests at ${sizeName(options.size)} deployments, ${options.clients} clients`, bench);
      publish(options, 'requests', `${title}\n${requestTable(rows)}`);
    }),
  scale: async (options) => (await import('./scale.mjs')).run({ withDatabase, publish, heading, options }),
  p99: async (options) => (await import('./p99.mjs')).run({ withDatabase, publish, heading, options }),
  placement: async (options) => (await import('./placement.mjs')).run({ withDatabase, publish, heading, options, say }),
  bulk: async (options) => (await import('./bulk.mjs')).run({ withDatabase, publish, heading, options, say }),
  start: async (options) => (await import('./start.mjs')).run({ publish, heading, options }),
  engine: async (options) => (await import('./engine.mjs')).run({ publish, heading, options, say }),
  rollout: async (options) => (await import('./rollout.mjs')).run({ publish, heading, options, say }),
  kubernetes: async (options) => (await import('./kubernetes.mjs')).run({ publish, heading, options, say }),
  router: async (options) => (await import('./router.mjs')).run({ publish, heading, options, say }),
  agents: async (options) => (await import('./agents.mjs')).run({ withDatabase, publish, heading, options, say }),
  profile: async (options) => (await import('./profile.mjs')).run({ withDatabase, publish, heading, options }),
};

const options = readOptions(process.argv.slice(2));
const command = COMMANDS[options.command];
if (command === undefined) {
  process.stderr.write(`There is no ${options.command}.\n${HELP}`);
  process.exit(2);
}
await command(options);
