import Docker from 'dockerode';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { administrator, startProduct } from './product.mjs';

const GRACE_SECONDS = 10;
const WAIT_SECONDS = 300;
/** A container that is stopped right after its start may not heed the signal yet, and costs the whole grace then. */
const SETTLE_MS = 1_000;
const RESOURCES = { cpu: 0.01, memory: 16, storage: 1 };
const LABEL = 'fog-compute.bench';
const NETWORK = 'fog-compute-bench';
const BRIDGE_NAME = 'com.docker.network.bridge.name';

/** Runs `work` with the product on the local Docker Engine, and with that engine itself for the same containers. */
export async function withDocker({ image }, work) {
  const docker = new Docker();
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-bench-docker-'));
  const settings = { DATA_DIR: folder, RUNTIME: 'docker', LOAD_BALANCER: 'none', MIN_CPU_CORES: '0.01', MIN_MEMORY_MB: '8' };
  const product = await startProduct({ ...settings, ...administrator });
  try {
    const client = await clientOf(product, image);
    const { container, network } = await askedOf(docker, client);
    const made = await docker.createNetwork(network);
    try {
      return await work({ docker, client, baseline: baselineOf(docker, container) });
    } finally {
      await made.remove().catch(() => undefined); // what has failed before it, and left containers in it, is the news
    }
  } finally {
    await product.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waiting costs the product no polls, which would count as its own work on a machine with few cores. */
async function clientOf(product, image) {
  const token = await product.logInAdministrator();
  const ask = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) };
    const answer = await fetch(`${product.url}/api/deployment/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const words = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${words}`);
    return { status: answer.status, body: JSON.parse(words) };
  };
  let number = 0;
  return {
    ask,
    deploy: async (replicas, more = {}) => {
      number += 1;
      const body = { name: `bench-${number}`, type: 'compute', container_image: image, replicas, resources: RESOURCES, ...more };
      return (await ask('POST', 'deploy', body)).body.deployment_id;
    },
    /** Resolves with the status once this condition of `wait` holds. */
    until: async (id, condition) => {
      const { body } = await ask('GET', `${id}/wait?for=${condition}&timeout=${WAIT_SECONDS}`);
      if (!body.reached) throw new Error(`${id} is not ${condition}: ${JSON.stringify(body.recent_status_changes[0])}`);
      return body;
    },
    /** Resolves when all is stopped and released. */
    remove: async (id) => {
      const { status, body } = await ask('DELETE', `${id}?wait=60`);
      if (status !== 200 || !body.resources_released) throw new Error(`The delete answered ${status}: ${JSON.stringify(body)}`);
    },
  };
}

/**
 * What the product asks of the engine for one replica and for the network of its owner, read back from the engine. A start in such a
 * network takes a fifth to a third longer than in the one that all containers of an engine share, as each container gets a name server.
 */
async function askedOf(docker, client) {
  const id = await client.deploy(1);
  const { replicas } = await client.until(id, 'healthy');
  const { Config, HostConfig } = await docker.getContainer(replicas[0].container_id).inspect();
  const { Driver, Internal, Options } = await docker.getNetwork(HostConfig.NetworkMode).inspect();
  await client.remove(id);
  delete Options[BRIDGE_NAME]; // each network has a bridge of its own
  return {
    container: {
      Image: Config.Image,
      Cmd: Config.Cmd,
      Env: Config.Env,
      HostConfig: { ...HostConfig, NetworkMode: NETWORK },
      Labels: { [LABEL]: 'true' },
    },
    network: { Name: NETWORK, CheckDuplicate: true, Driver, Internal, Options, Labels: { [LABEL]: 'true' } },
  };
}

const baselineOf = (docker, payload) => ({
  start: async () => {
    const container = await docker.createContainer(payload);
    await container.start();
    return container.id;
  },
  stop: async (id) => {
    await docker.getContainer(id).stop({ t: GRACE_SECONDS });
    await docker.getContainer(id).remove({ v: true });
  },
});

export async function engineLine(docker) {
  const { ServerVersion, Driver, CgroupVersion } = await docker.info();
  return `Docker Engine ${ServerVersion}, ${Driver}, cgroup ${CgroupVersion}, alone with the same containers in a network of the same kind`;
}

/** Lets containers that have just been started come to themselves, before they are stopped. */
export const settle = () => sleep(SETTLE_MS);

/** The milliseconds that `work` takes, and what it resolves with. */
export async function timed(work) {
  const begun = performance.now();
  const result = await work();
  return [performance.now() - begun, result];
}
