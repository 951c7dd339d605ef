/**
 * Generates clients from the document that the built program serves, and sends each through the whole way of a deployment.
 * Arguments: the names of clients; none: all. REQUIRE_CLIENTS=1 makes it a failure that a tool is missing.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIENTS } from './clients.mjs';
import { startServer } from './server.mjs';
import { missing, toolsIn } from './tools.mjs';

const chosen = CLIENTS.filter(({ name }) => process.argv.length < 3 || process.argv.includes(name));
const tools = toolsIn(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fog-compute-clients'));
const work = mkdtempSync(join(tmpdir(), 'fog-clients-'));
const counts = { passed: 0, failed: 0, skipped: 0 };

async function check({ name, needs, check: checkClient }, server, document) {
  const absent = missing(needs);
  if (absent.length > 0) {
    const words = `${name}: ${absent.join(', ')} not found`;
    console.error(process.env.REQUIRE_CLIENTS ? `FAILED ${words}` : `SKIPPED ${words}: THIS CLIENT IS NOT TESTED`);
    counts[process.env.REQUIRE_CLIENTS ? 'failed' : 'skipped']++;
    return;
  }
  const began = Date.now();
  const folder = join(work, name);
  mkdirSync(folder);
  try {
    await checkClient({ tools, document, folder, env: { FOG_URL: server.url, FOG_TOKEN: server.token } });
    counts.passed++;
    console.log(`passed ${name} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  } catch (error) {
    counts.failed++;
    console.error(`FAILED ${name}: ${error.message}`);
  }
}

const server = await startServer(work);
try {
  const document = join(work, 'openapi.json');
  writeFileSync(document, await (await fetch(`${server.url}/openapi.json`)).text());
  const waiting = [...chosen];
  const oneAfterAnother = async () => {
    for (let client = waiting.shift(); client; client = waiting.shift()) await check(client, server, document);
  };
  await Promise.all([oneAfterAnother(), oneAfterAnother()]);
} finally {
  await server.stop();
  rmSync(work, { recursive: true, force: true });
}
console.log(`Clients: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 || chosen.length === 0 ? 1 : 0;
