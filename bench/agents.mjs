import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryEngine } from './memory-engine.mjs';
import { administrator, startProduct } from './product.mjs';
import { number, table, verdict } from './report.mjs';
import { median } from './statistics.mjs';

const require = createRequire(import.meta.url);
const SETTLE_MS = 30_000;
const MEASURE_MS = 120_000;
const JOINS = 5;
const AT_A_TIME = 20;
/** So many agents have replicas while all are measured, and so many each. */
const BUSY = { agents: 10, replicas: 10, region: 'eu-north' };
const REGION = 'eu-west';
const TARGETS = { cores: 0.3, rssMb: 300, bytesPerSecond: 200, joinMs: 10_000, returnMs: 5_000 };
const LOG = { info: () => undefined, warn: () => undefined, error: (words) => process.stderr.write(`${words}\n`) };

/**
 * What agents cost the control plane: `options.nodes` of them with the real link and reports, on engines in memory whose machines are
 * busy in changing ways, all on one process of ROLE=api; how long it takes from a join to the first running replica; and from the return
 * of an agent to the end of a teardown that was decided while it was away.
 */
export async function run({ withDatabase, publish, heading, options, say }) {
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-bench-agents-'));
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  await withDatabase(async ({ database }) => {
    const url = await database.recreate('bench_agents');
    const common = { DATABASE_URL: url, RUNTIME: 'agent', LOAD_BALANCER: 'none', DATA_DIR: folder, MIN_CPU_CORES: '0.1', ...administrator };
    const api = await startProduct({ ...common, ROLE: 'api' });
    const worker = await startProduct({ ...common, ROLE: 'worker' });
    const token = await api.logInAdministrator();
    const ask = (method, path, body) => request(api.url, token, { method, path, body });
    const traffic = { bytes: 0 };
    const busyTraffic = { bytes: 0 };
    const agents = [];
    const add = async (name, { region = REGION, counted = traffic } = {}) => {
      const { id, join: given } = await ask('POST', '/api/nodes', { name, runtime: 'agent', region });
      const parts = { url: api.url, token: given.token, folder: join(folder, name), traffic: counted, signal: stopping.signal };
      const agent = await startAgent(parts);
      agents.push(agent);
      return { nodeId: id, agent };
    };
    const addAll = async (names, where) => {
      for (let at = 0; at < names.length; at += AT_A_TIME)
        await Promise.all(names.slice(at, at + AT_A_TIME).map((name) => add(name, where)));
    };
    try {
      const [joinMs, returnMs] = [[], []];
      for (let index = 0; index < JOINS; index++) {
        const { tookMs, ...first } = await firstReplica({ ask, add, name: `first-${index}` });
        joinMs.push(tookMs);
        returnMs.push(await deletedWhileAway({ ask, ...first }));
      }
      say(`From the join to a running replica: ${joinMs.map((ms) => number(ms)).join(', ')} ms`);
      say(`From the return to the end of a teardown: ${returnMs.map((ms) => number(ms)).join(', ')} ms`);
      await addAll(
        Array.from({ length: BUSY.agents }, (_unused, index) => `busy-${index}`),
        { region: BUSY.region, counted: busyTraffic },
      );
      await busy({ ask });
      await addAll(Array.from({ length: options.nodes - agents.length }, (_unused, index) => `edge-${index}`));
      say(`${agents.length} agents are linked`);
      await sleep(SETTLE_MS);
      const now = () => ({ bytes: traffic.bytes, busyBytes: busyTraffic.bytes });
      const before = { ...now(), api: api.cpu(), worker: worker.cpu(), postgres: database.cpu(), at: performance.now() };
      await sleep(MEASURE_MS);
      const seconds = (performance.now() - before.at) / 1000;
      const cores = (now, then) => (now - then) / 1e6 / seconds;
      const apiCores = cores(api.cpu(), before.api);
      const bytes = (traffic.bytes - before.bytes) / seconds / (agents.length - BUSY.agents);
      const busyBytes = (busyTraffic.bytes - before.busyBytes) / seconds / BUSY.agents;
      const rows = table([
        ['', 'measured', 'target', ''],
        ['cores of the API process', number(apiCores, 2), `≤ ${TARGETS.cores}`, verdict(apiCores <= TARGETS.cores)],
        ['memory of the API process', `${number(api.rssMb())} MB`, `≤ ${TARGETS.rssMb} MB`, verdict(api.rssMb() <= TARGETS.rssMb)],
        ['bytes per second and idle agent', number(bytes), `≤ ${TARGETS.bytesPerSecond}`, verdict(bytes <= TARGETS.bytesPerSecond)],
        ['megabytes per day and idle agent', number((bytes * 86_400) / 1e6, 2), '', ''],
        [`megabytes per day and agent with ${BUSY.replicas} replicas`, number((busyBytes * 86_400) / 1e6, 2), '', ''],
        [
          'join to first running replica',
          `${number(median(joinMs))} ms`,
          `≤ ${TARGETS.joinMs} ms`,
          verdict(median(joinMs) <= TARGETS.joinMs),
        ],
        [
          'return to the end of a teardown',
          `${number(median(returnMs))} ms`,
          `≤ ${TARGETS.returnMs} ms`,
          verdict(median(returnMs) <= TARGETS.returnMs),
        ],
        ['cores of the worker process', number(cores(worker.cpu(), before.worker), 2), '', ''],
        ['cores of PostgreSQL', number(cores(database.cpu(), before.postgres), 2), '', ''],
      ]);
      publish(options, 'agents', `${heading(`${agents.length} agents on one API process`, { database })}\n${rows}`);
    } finally {
      stopping.abort();
      await Promise.allSettled(agents.map(({ running }) => running));
      await Promise.allSettled([api.stop(), worker.stop()]);
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

async function until(what, look) {
  const begun = performance.now();
  while (!(await look())) {
    if (performance.now() - begun > 60_000) throw new Error(`${what} took more than a minute`);
    await sleep(50);
  }
}

/** One deployment in the region of the agents that are to be busy, with as many replicas as all of them are to have. */
async function busy({ ask }) {
  const nodes = async () => (await ask('GET', '/api/nodes')).filter(({ region }) => region === BUSY.region);
  await until('the busy nodes', async () => (await nodes()).every(({ status }) => status !== 'offline'));
  const what = { container_image: 'fog-test/busybox:1', resources: { cpu: 0.1, memory: 512, storage: 1 }, region: BUSY.region };
  const replicas = BUSY.agents * BUSY.replicas;
  const { deployment_id: id } = await ask('POST', '/api/deployment/deploy', { name: 'busy', type: 'compute', replicas, ...what });
  await until('the replicas of the busy nodes', async () => (await ask('GET', `/api/deployment/status/${id}`)).status === 'running');
}

/** Milliseconds from the return of an agent to the end of the teardown of a deployment that was deleted while it was away. */
async function deletedWhileAway({ ask, agent, deploymentId }) {
  await agent.stop();
  const answer = await ask('DELETE', `/api/deployment/${deploymentId}?wait=0`);
  const completed = async () => (await ask('GET', `/api/deployment/${deploymentId}/deletion`)).completed_at !== null;
  await sleep(2_000);
  if (answer.status !== 'deleted' || (await completed())) throw new Error(`The delete was not decided alone: ${JSON.stringify(answer)}`);
  const begun = performance.now();
  await agent.start();
  await until('the teardown', completed);
  return performance.now() - begun;
}

/** The first replica on a new node, and the milliseconds to it from the registration of the node. */
async function firstReplica({ ask, add, name }) {
  const begun = performance.now();
  const { nodeId, agent } = await add(name);
  // Before its first report a node has no capacity, and a deployment that fits nowhere fails for good.
  await until('the node', async () => (await ask('GET', `/api/nodes/${nodeId}`)).status !== 'offline');
  const what = { container_image: 'fog-test/busybox:1', replicas: 1, resources: { cpu: 0.5, memory: 512 } };
  const { deployment_id: id } = await ask('POST', '/api/deployment/deploy', { name, type: 'compute', ...what });
  let shown;
  await until('the replica', async () => {
    shown = await ask('GET', `/api/deployment/status/${id}`);
    if (shown.status === 'failed') throw new Error(`${name} failed: ${JSON.stringify(shown)}`);
    return shown.status === 'running';
  });
  const tookMs = performance.now() - begun;
  if (shown.replicas[0].node_id !== nodeId) throw new Error(`${name} runs on another node`);
  // The next deployment is to go to the next machine.
  await ask('PATCH', `/api/nodes/${nodeId}`, { cordoned: true });
  return { tookMs, agent, deploymentId: id };
}

async function request(url, token, { method, path, body }) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}

/** An agent of the product, without Docker, that may be stopped and started again. `traffic` counts what goes over its connections, both ways, without the headers of TCP and IP. */
async function startAgent({ url, token, folder, traffic, signal }) {
  const { Agent } = require('../dist/agent/agent.js');
  const { KeptValue } = require('../dist/agent/disk/kept-value.js');
  const { Identity, readIdentity } = require('../dist/agent/identity/identity.js');
  const { joinedOnce } = require('../dist/agent/identity/join.js');
  const { makeKeyPair } = require('../dist/agent/identity/key-pair.js');
  const { Way } = require('../dist/agent/link/way.js');
  const { readMemory } = require('../dist/agent/memory.js');
  const { OrdersStore } = require('../dist/agent/orders/orders-store.js');
  const { Recollection } = require('../dist/agent/recollection.js');
  const { encryptionKey } = require('../dist/common/crypto/encryption-key.js');
  const { SecretBox } = require('../dist/common/crypto/secret-box.js');
  const { makeFolder } = require('../dist/common/make-folder.js');
  class CountedWay extends Way {
    agent() {
      const agent = new HttpAgent();
      const connect = agent.createConnection.bind(agent);
      agent.createConnection = (...args) => {
        const socket = connect(...args);
        let counted = 0;
        const count = () => {
          const now = socket.bytesRead + socket.bytesWritten;
          traffic.bytes += now - counted;
          counted = now;
        };
        const timer = setInterval(count, 1_000);
        return socket.on('close', () => {
          clearInterval(timer);
          count();
        });
      };
      return agent;
    }
  }
  makeFolder(folder, 0o700);
  const kept = await KeptValue.open(join(folder, 'identity'), readIdentity);
  const fresh = () => ({ keys: makeKeyPair(new Date()), nextKeys: null, machineId: randomUUID(), joined: null });
  const identity = new Identity(kept.filledWith(fresh), 30);
  const way = new CountedWay({ SERVER_URL: url, NO_PROXY: '' });
  const engine = new MemoryEngine();
  const joined = await joinedOnce({ identity, way, token, engineId: engine.engineId, log: LOG }, signal);
  const made = { running: Promise.resolve(), start, stop: async () => undefined };
  async function start() {
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener('abort', end, { once: true });
    const memory = await KeptValue.open(join(folder, 'memory'), readMemory);
    const orders = await OrdersStore.open(join(folder, 'orders'), new SecretBox(encryptionKey({ DATA_DIR: folder })), 0);
    const agent = new Agent({ identity, joined, orders, driver: engine, way, log: LOG, recollection: new Recollection(memory, LOG) });
    made.running = agent.run(ending.signal).finally(() => signal.removeEventListener('abort', end));
    made.stop = async () => {
      ending.abort();
      await made.running;
    };
  }
  await start();
  return made;
}
