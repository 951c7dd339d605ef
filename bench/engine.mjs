import Docker from 'dockerode';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { administrator, startProduct } from './product.mjs';
import { number, table, verdict } from './report.mjs';
import { median } from './statistics.mjs';

const COUNTS = [1, 10, 30, 100];
const TARGET = 1.3;
const GRACE_SECONDS = 10;
const POLL_MS = 15;
const RESOURCES = { cpu: 0.01, memory: 16, storage: 1 };
const LABEL = 'fog-compute.bench';

/**
 * Deploys and deletes on a real Docker Engine, in turns with the engine's own API: the same containers, created, started, stopped and
 * removed all at once. Needs an engine and a local image that goes on running, `--image`.
 */
export async function run({ publish, heading, options, say }) {
  const docker = new Docker();
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-bench-engine-'));
  const product = await startProduct({ DATA_DIR: folder, RUNTIME: 'docker', MIN_CPU_CORES: '0.01', MIN_MEMORY_MB: '8', ...administrator });
  try {
    const client = await clientOf(product);
    const baseline = baselineOf(docker, await payloadOf(docker, client, options.image));
    const rows = [];
    for (const count of COUNTS) {
      say(`${count} replicas ...`);
      rows.push({ count, ...(await measure({ client, baseline, options }, count)) });
    }
    publish(options, 'engine', `${heading('Deploys and deletes on a Docker Engine', {})}\n${await engineLine(docker)}\n\n${tableOf(rows)}`);
  } finally {
    await product.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One round is thrown away; product and engine take turns. */
async function measure({ client, baseline, options }, count) {
  const times = { deploy: [], remove: [], start: [], stop: [] };
  for (let round = 0; round <= options.rounds; round++) {
    const id = await client.deploy(options.image, count);
    const deploy = await client.untilRunning(id);
    const remove = await client.remove(id);
    const [start, ids] = await baseline.start(count);
    const stop = await baseline.stop(ids);
    if (round === 0) continue;
    for (const [name, ms] of Object.entries({ deploy, remove, start, stop })) times[name].push(ms);
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

async function clientOf(product) {
  const token = await product.logInAdministrator();
  const ask = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) };
    const answer = await fetch(`${product.url}/api/deployment/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const words = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${words}`);
    return { status: answer.status, body: JSON.parse(words) };
  };
  let number = 0;
  let begun = 0;
  return {
    deploy: async (image, replicas) => {
      begun = performance.now();
      number += 1;
      const body = { name: `bench-${number}`, type: 'compute', container_image: image, replicas, resources: RESOURCES };
      return (await ask('POST', 'deploy', body)).body.deployment_id;
    },
    /** Milliseconds from the request to deploy until all replicas run. */
    untilRunning: async (id) => {
      for (;;) {
        const { body } = await ask('GET', `status/${id}`);
        if (body.status === 'running' && body.health === 'healthy') return performance.now() - begun;
        if (body.status === 'failed') throw new Error(`The deployment failed: ${JSON.stringify(body.recent_status_changes[0])}`);
        await sleep(POLL_MS);
      }
    },
    /** Milliseconds until the answer that all is stopped and released. */
    remove: async (id) => {
      const asked = performance.now();
      const { status, body } = await ask('DELETE', `${id}?wait=60`);
      if (status !== 200 || !body.resources_released) throw new Error(`The delete answered ${status}: ${JSON.stringify(body)}`);
      return performance.now() - asked;
    },
    containerOf: async (id) => (await ask('GET', `status/${id}`)).body.replicas[0].container_id,
  };
}

/** What the product asks of the engine for one replica, read back from the engine. */
async function payloadOf(docker, client, image) {
  const id = await client.deploy(image, 1);
  await client.untilRunning(id);
  const { Config, HostConfig } = await docker.getContainer(await client.containerOf(id)).inspect();
  await client.remove(id);
  return {
    Image: Config.Image,
    Cmd: Config.Cmd,
    Env: Config.Env,
    HostConfig: { ...HostConfig, NetworkMode: 'bridge' },
    Labels: { [LABEL]: 'true' },
  };
}

const baselineOf = (docker, payload) => ({
  start: async (count) => {
    const begun = performance.now();
    const ids = await Promise.all(
      Array.from({ length: count }, async () => {
        const container = await docker.createContainer(payload);
        await container.start();
        return container.id;
      }),
    );
    return [performance.now() - begun, ids];
  },
  stop: async (ids) => {
    const begun = performance.now();
    await Promise.all(
      ids.map(async (id) => {
        await docker.getContainer(id).stop({ t: GRACE_SECONDS });
        await docker.getContainer(id).remove({ v: true });
      }),
    );
    return performance.now() - begun;
  },
});

async function engineLine(docker) {
  const { ServerVersion, Driver, CgroupVersion } = await docker.info();
  return `Docker Engine ${ServerVersion}, ${Driver}, cgroup ${CgroupVersion}. From the request until all replicas run, and until all are stopped and released.`;
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
