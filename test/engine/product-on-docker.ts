import type { DataSource } from 'typeorm';
import { TEST_IMAGE } from '../support/engine';
import { FaultProxy, type Address } from '../support/fault-proxy';
import type { Environment } from '../support/process-under-test';

/** Stands between the product and the engine of this machine. Seen through it, the load of the machine counts for nothing. */
export const engineProxy = (): Promise<FaultProxy> => new FaultProxy(engineAddress()).start();

function engineAddress(): Address {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  if (host.startsWith('unix://')) return { path: host.slice('unix://'.length) };
  const { hostname, port } = new URL(host);
  return { host: hostname, port: Number(port) };
}

/** Small containers, so that a test fits on any machine, and a short way to the next look at the engine. */
export const smallContainers: Environment = {
  MIN_CPU_CORES: '0.05',
  MIN_MEMORY_MB: '16',
  NODE_SYNC_SECONDS: '2',
  NODE_OFFLINE_AFTER_SECONDS: '5',
  STOP_GRACE_SECONDS: '2',
  LOG_LEVEL: 'warn',
};

export const dockerEnvironment = ({ address: { host, port } }: FaultProxy): Environment => ({
  ...smallContainers,
  RUNTIME: 'docker',
  DOCKER_HOST: `tcp://${host}:${String(port)}`,
});

/** Test databases are copies of one template: without an id of its own, a test would see the containers of others. */
export async function freshInstallation(dataSource: DataSource): Promise<string> {
  const [rows] = await dataSource.query<[{ id: string }[], number]>(`UPDATE installation SET id = gen_random_uuid() RETURNING id`);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('There is no installation');
  return id;
}

/** The test image, with so little of everything that a dozen of them run beside a test. */
export const onDocker = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  container_image: TEST_IMAGE,
  resources: { cpu: 0.05, memory: 32, storage: 1 },
  ...more,
});
