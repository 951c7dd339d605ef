import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { administrator, startProduct } from './product.mjs';
import { number, table, verdict } from './report.mjs';
import { median } from './statistics.mjs';

const COUNTS = [1, 10, 30];
const TARGET = 1.3;
const POLL_MS = 25;
const BODY = { type: 'compute', command: ['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.1; done"] };
/** The limit of a container also slows down how the cluster makes it: with 0.01 cores that takes longer than all that is compared here. */
const RESOURCES = { cpu: 0.05, memory: 16, storage: 1 };

/**
 * From the request to deploy until all replicas run, in turns with the same Jobs created through the API of the cluster one after the
 * other, as `kubectl create` does. Needs KUBECONFIG_FOR_TESTS, and an image that the machines have, `--image`.
 */
export async function run({ publish, heading, options, say }) {
  const file = process.env.KUBECONFIG_FOR_TESTS;
  if (file === undefined || !existsSync(file)) {
    say('SKIPPED: no Kubernetes cluster (KUBECONFIG_FOR_TESTS names no kubeconfig)');
    return;
  }
  const cluster = await clusterOf(file);
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-bench-kubernetes-'));
  const settings = { DATA_DIR: folder, RUNTIME: 'kubernetes', LOAD_BALANCER: 'none', MIN_CPU_CORES: '0.01', MIN_MEMORY_MB: '8' };
  const product = await startProduct({ ...settings, ...administrator });
  try {
    await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: cluster.namespace } });
    const client = await clientOf(product, { kubeconfig: readFileSync(file, 'utf8'), namespace: cluster.namespace });
    const rows = [];
    for (const count of COUNTS) {
      say(`${count} replicas ...`);
      rows.push({ count, ...(await measure({ client, cluster, options }, count)) });
    }
    const version = (await cluster.ask('GET', '/version')).gitVersion;
    const words = `Kubernetes ${version}. From the request until the cluster shows all Pods as running; medians of ${options.rounds} turns.`;
    publish(options, 'kubernetes', `${heading('Deploys on a Kubernetes cluster', {})}\n${words}\n\n${tableOf(rows)}`);
  } finally {
    await product.stop();
    await cluster.ask('DELETE', `/api/v1/namespaces/${cluster.namespace}`);
    cluster.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One round is thrown away; product and cluster take turns with the same Jobs. */
async function measure({ client, cluster, options }, count) {
  const times = { deploy: [], told: [], create: [] };
  for (let round = 0; round <= options.rounds; round++) {
    await client.untilRoom(count);
    const begun = performance.now();
    const id = await client.deploy(options.image, count);
    const [deploy, told] = await Promise.all([cluster.untilRun(count, begun), client.untilRunning(id, begun)]);
    const bodies = (await cluster.jobs()).map(copyOf);
    await client.remove(id);
    await cluster.untilRun(0, begun);
    const again = performance.now();
    for (const body of bodies) await cluster.ask('POST', cluster.jobsPath, body);
    const create = await cluster.untilRun(count, again);
    for (const { metadata } of bodies) await cluster.ask('DELETE', `${cluster.jobsPath}/${metadata.name}?propagationPolicy=Background`);
    await cluster.untilRun(0, again);
    if (round === 0) continue;
    for (const [name, ms] of Object.entries({ deploy, told, create })) times[name].push(ms);
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

/** The same Job under another name, and of nobody, so that the product leaves it alone. */
function copyOf({ spec }) {
  const labels = { bench: 'true' };
  const template = { ...spec.template, metadata: { labels } };
  return {
    metadata: { name: `bench-${randomUUID()}`, labels },
    spec: { ...spec, selector: undefined, manualSelector: undefined, template },
  };
}

async function clusterOf(file) {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(file);
  const login = {};
  await config.applyToHTTPSOptions(login);
  const { ca, cert, key, headers } = login;
  const agent = new Agent({ ca, cert, key, keepAlive: true });
  const { server } = config.getCurrentCluster();
  const namespace = `fog-bench-${randomUUID().slice(0, 8)}`;
  const ask = async (method, path, body) => {
    const answer = await new Promise((resolve, reject) => {
      request(`${server}${path}`, { method, agent, headers: { ...headers, 'content-type': 'application/json' } }, resolve)
        .on('error', reject)
        .end(body && JSON.stringify(body));
    });
    const words = await text(answer);
    if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${words}`);
    return JSON.parse(words);
  };
  const jobsPath = `/apis/batch/v1/namespaces/${namespace}/jobs`;
  return {
    ...{ namespace, ask, jobsPath },
    jobs: async () => (await ask('GET', jobsPath)).items,
    /** Milliseconds since `begun` until so many Pods run and no others are there. */
    untilRun: async (count, begun) => {
      for (;;) {
        const { items } = await ask('GET', `/api/v1/namespaces/${namespace}/pods?resourceVersion=0`);
        if (items.length === count && items.every(({ status }) => status.phase === 'Running')) return performance.now() - begun;
        await sleep(POLL_MS);
      }
    },
    close: () => agent.destroy(),
  };
}

async function clientOf(product, access) {
  const token = await product.logInAdministrator();
  const ask = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) };
    const answer = await fetch(`${product.url}/api/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const words = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${words}`);
    return JSON.parse(words);
  };
  const { id: node } = await ask('POST', 'nodes', { name: 'cluster', region: 'us-east', runtime: 'kubernetes', ...access });
  while ((await ask('GET', `nodes/${node}`)).status === 'offline') await sleep(100);
  let made = 0;
  return {
    /** What the cluster itself has created in the last turn is taken off for as long as the product has not measured again. */
    untilRoom: async (replicas) => {
      while ((await ask('GET', `nodes/${node}`)).cpu_cores < replicas * RESOURCES.cpu) await sleep(POLL_MS);
    },
    deploy: async (image, replicas) => {
      const body = { name: `bench-${++made}`, ...BODY, container_image: image, replicas, resources: RESOURCES };
      return (await ask('POST', 'deployment/deploy', body)).deployment_id;
    },
    /** Milliseconds since `begun` until the product itself says so. */
    untilRunning: async (id, begun) => {
      for (;;) {
        const { status, health, recent_status_changes: changes } = await ask('GET', `deployment/status/${id}`);
        if (status === 'running' && health === 'healthy') return performance.now() - begun;
        if (status === 'failed') throw new Error(`The deployment failed: ${JSON.stringify(changes[0])}`);
        await sleep(POLL_MS);
      }
    },
    remove: (id) => ask('DELETE', `deployment/${id}?wait=60`),
  };
}

const tableOf = (rows) =>
  table([
    ['replicas', 'deploy ms', 'until the status tells ms', 'create ms', 'ratio', 'target', ''],
    ...rows.map(({ count, deploy, told, create }) => [
      ...[String(count), number(deploy), number(told), number(create), number(deploy / create, 2)],
      ...[`≤ ${TARGET}`, verdict(deploy / create <= TARGET)],
    ]),
  ]);
