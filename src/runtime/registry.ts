import type { DataSource } from 'typeorm';
import type { AppConfig } from '../config/app-config';
import { DRIVEN_KINDS, ENGINE_TRAITS, type DrivenKind } from '../engines/runtime-kinds';
import { DockerDriver } from './docker/docker.driver';
import { DockerEngines } from './docker/docker-engines';
import type { RuntimeDriver } from './runtime-driver';
import { SimulatedDriver } from './simulated/simulated.driver';

/** What drivers are made from. */
interface DriverParts {
  readonly config: AppConfig;
  readonly dataSource: DataSource;
  /** Marks our containers on engines that several installations share. */
  readonly installationId: string;
}

/** How the driver of each kind is made; that calls no engine. A kind without a line here has no driver yet. */
const DRIVERS: Readonly<Record<DrivenKind, (parts: DriverParts) => RuntimeDriver>> = {
  docker: ({ config, installationId }) =>
    new DockerDriver(new DockerEngines({ dockerHost: config.DOCKER_HOST, certPath: config.DOCKER_CERT_PATH }), {
      installationId,
      publishAddress: config.PUBLISH_ADDRESS,
      pullTimeoutSeconds: config.IMAGE_PULL_TIMEOUT_SECONDS,
    }),
  simulated: ({ config, dataSource }) => new SimulatedDriver(dataSource, { delayMs: config.SIMULATED_DELAY_MS }),
};

/** The drivers of real engines, and the simulation, which never serves beside them. */
export interface Drivers {
  readonly real: readonly RuntimeDriver[];
  readonly simulation: RuntimeDriver;
}

/** One driver for each kind that has one, in the order of `DRIVEN_KINDS`. */
export function makeDrivers(parts: DriverParts): Drivers {
  const real = DRIVEN_KINDS.filter((kind) => !ENGINE_TRAITS[kind].isSimulation);
  return { real: real.map((kind) => DRIVERS[kind](parts)), simulation: DRIVERS.simulated(parts) };
}
