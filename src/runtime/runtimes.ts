import type { DataSource } from 'typeorm';
import type { RuntimeKind } from '../engines/runtime-kinds';
import type { AppConfig } from '../config/app-config';
import { DockerDriver } from './docker/docker.driver';
import { DockerEngines } from './docker/docker-engines';
import { ENGINE_REFUSES_USER } from './docker/docker-errors';
import { DriverError, LOCAL_TARGET, type RuntimeDriver } from './runtime-driver';
import { SimulatedDriver } from './simulated/simulated.driver';

const ANSWER_WITHIN_MS = 2_000;

export interface ActiveRuntime {
  readonly kind: RuntimeKind;
  /** In words, for start-up output and health: what was found, and where. */
  readonly reason: string;
}

/** The drivers that this process may use. Only the active kind has one, so that a simulation never passes for the real thing. */
export class Runtimes {
  constructor(
    readonly active: ActiveRuntime,
    private readonly driver: RuntimeDriver,
    private readonly release: () => void = () => undefined,
  ) {}

  /** Null when nodes of that kind cannot be served by this process. */
  driverFor(kind: RuntimeKind): RuntimeDriver | null {
    return kind === this.driver.kind ? this.driver : null;
  }

  onApplicationShutdown(): void {
    this.release();
  }
}

/**
 * `auto` takes a Docker Engine that answers within two seconds, else the simulation. `docker` is taken at its word: an engine
 * that is away comes back, and its nodes are offline until then.
 */
export async function chooseRuntimes(config: AppConfig, dataSource: DataSource): Promise<Runtimes> {
  const simulated = (reason: string): Runtimes =>
    new Runtimes({ kind: 'simulated', reason }, new SimulatedDriver(dataSource, { delayMs: config.SIMULATED_DELAY_MS }));
  if (config.RUNTIME === 'simulated') return simulated('RUNTIME=simulated: nothing runs, containers are simulated');

  const engines = new DockerEngines({ dockerHost: config.DOCKER_HOST, certPath: config.DOCKER_CERT_PATH });
  const driver = new DockerDriver(engines, {
    installationId: await installationId(dataSource),
    publishAddress: config.PUBLISH_ADDRESS,
    pullTimeoutSeconds: config.IMAGE_PULL_TIMEOUT_SECONDS,
  });
  const docker = (reason: string): Runtimes => new Runtimes({ kind: 'docker', reason }, driver, () => engines.close());
  const { version, refusal } = await askLocalEngine(driver);
  const address = withoutUserInfo(engines.localAddress);
  if (version !== null) return docker(`Docker Engine ${version} answers at ${address}`);
  if (config.RUNTIME === 'docker') return docker(`RUNTIME=docker, but no Docker Engine answers at ${address} yet${refusal}`);
  engines.close();
  return simulated(`no Docker Engine answers at ${address}${refusal}: containers are simulated`);
}

/** `refusal` says in words why it does not answer, where the user can do something about it. */
async function askLocalEngine(driver: DockerDriver): Promise<{ version: string | null; refusal: string }> {
  try {
    return { version: (await driver.info(LOCAL_TARGET, AbortSignal.timeout(ANSWER_WITHIN_MS))).version, refusal: '' };
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    return {
      version: null,
      refusal: error.message === ENGINE_REFUSES_USER ? ` (this account may not use it: add it to the group docker)` : '',
    };
  }
}

/** Marks our containers on engines that several installations share. */
async function installationId(dataSource: DataSource): Promise<string> {
  const [row] = await dataSource.query<{ id: string }[]>(`SELECT id FROM installation LIMIT 1`);
  if (row === undefined) throw new Error('The table installation is empty: run the migrations');
  return row.id;
}

const withoutUserInfo = (address: string): string => address.replace(/\/\/[^/@]*@/, '//');
