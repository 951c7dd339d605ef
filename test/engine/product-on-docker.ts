import type Docker from 'dockerode';
import type { DataSource } from 'typeorm';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import type { Client } from '../support/client';
import { engineAddress, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { FaultProxy } from '../support/fault-proxy';
import { Installation } from '../support/installation';
import { adminOf, type Environment, type ProcessUnderTest } from '../support/process-under-test';

/** Settings for the engine at `host`: small containers, so that a test fits on any machine, and frequent looks at the engine. */
export const dockerEnvironment = (host: string): Environment => ({
  RUNTIME: 'docker',
  DOCKER_HOST: host,
  MIN_CPU_CORES: '0.05',
  MIN_MEMORY_MB: '16',
  NODE_SYNC_SECONDS: '2',
  NODE_OFFLINE_AFTER_SECONDS: '5',
  STOP_GRACE_SECONDS: '2',
});

/** A deploy body with the test image and so few resources that a dozen of them run beside a test. */
export const onDocker = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  container_image: TEST_IMAGE,
  resources: { cpu: 0.05, memory: 32, storage: 1 },
  ...more,
});

/**
 * Gives a test database an installation id of its own. They are copies of one template, so tests would see the
 * containers of others.
 */
export async function freshInstallationId(dataSource: DataSource): Promise<string> {
  const [rows] = await dataSource.query<[{ id: string }[], number]>(`UPDATE installation SET id = gen_random_uuid() RETURNING id`);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('There is no installation');
  return id;
}

interface StartOptions {
  readonly environment?: Environment;
}

/** The product on the engine of this machine, with the client of its administrator and direct access to database and engine. */
export class ProductOnDocker {
  private constructor(
    readonly docker: Docker,
    /** A proxy before the engine that can take it away. With it the load of the machine does not matter. */
    readonly engine: FaultProxy,
    /** The same before the database; only the test itself reaches that directly. */
    readonly database: FaultProxy,
    private readonly installation: Installation,
    readonly installationId: string,
    private readonly environment: Environment,
    private running: { readonly process: ProcessUnderTest; readonly client: Client },
  ) {}

  static async start({ environment: more = {} }: StartOptions = {}): Promise<ProductOnDocker> {
    const docker = engineClient();
    await loadTestImage(docker);
    const engine = await new FaultProxy(engineAddress()).start();
    const installation = await Installation.create();
    const databaseUrl = new URL(installation.databaseUrl);
    const database = await new FaultProxy({ host: databaseUrl.hostname, port: Number(databaseUrl.port) }).start();
    databaseUrl.host = `127.0.0.1:${String(database.address.port)}`;
    try {
      const installationId = await freshInstallationId(installation.dataSource);
      const environment = {
        ...{ ...dockerEnvironment(`tcp://127.0.0.1:${String(engine.address.port)}`), DATABASE_URL: databaseUrl.toString() },
        ...more,
      };
      const process = await installation.start(environment);
      const running = { process, client: await adminOf(process) };
      return new ProductOnDocker(docker, engine, database, installation, installationId, environment, running);
    } catch (error) {
      await installation.close();
      await Promise.all([engine.cut(), database.cut()]);
      throw error;
    }
  }

  /** The client of the administrator. After a new start it is another one, because the address is another. */
  get client(): Client {
    return this.running.client;
  }

  get dataSource(): DataSource {
    return this.installation.dataSource;
  }

  /** The containers of one deployment, whatever their state. */
  containers(deploymentId: string): Promise<Docker.ContainerInfo[]> {
    const labels = { [LABEL.installation]: this.installationId, [LABEL.deployment]: deploymentId };
    const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    return this.docker.listContainers({ all: true, filters: { label } });
  }

  async kill(): Promise<void> {
    await this.running.process.kill('SIGKILL');
  }

  /** Starts another process on the same database, which ends with the product. */
  alsoStart(environment: Environment): Promise<ProcessUnderTest> {
    return this.installation.start({ ...this.environment, ...environment });
  }

  /** Starts again after `kill`, with the same database and engine. */
  async startAgain(): Promise<void> {
    const process = await this.installation.start(this.environment);
    this.running = { process, client: this.client.at(process.url) };
  }

  /** Ends all processes, containers and the database. */
  async close(): Promise<void> {
    await this.kill();
    await this.engine.cut();
    await removeContainersOf(this.docker, this.installationId);
    await this.installation.close();
    await this.database.cut();
  }
}
