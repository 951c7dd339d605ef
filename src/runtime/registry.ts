import type { DataSource } from 'typeorm';
import { networksOf } from '../common/networks';
import type { AppConfig } from '../config/app-config';
import { DRIVEN_KINDS, ENGINE_TRAITS, type DrivenKind } from '../engines/runtime-kinds';
import type { SecretBox } from '../common/crypto/secret-box';
import type { PubSub } from '../database/pub-sub';
import { AgentDriver } from './agent/agent.driver';
import type { AgentLines } from './agent/agent-lines';
import { AllowedRegistries } from './allowed-registries';
import { makeDockerDriver, pullLimits } from './docker/make-docker-driver';
import { SharedPullTurns } from './docker/shared-pull-turns';
import { KubernetesDriver } from './kubernetes/kubernetes.driver';
import { StoredClusterAccesses } from './kubernetes/stored-cluster-accesses';
import type { RuntimeDriver } from './runtime-driver';
import { SimulatedDriver } from './simulated/simulated.driver';

/** What drivers are made from. */
export interface DriverParts {
  readonly config: AppConfig;
  readonly dataSource: DataSource;
  readonly box: SecretBox;
  readonly pubSub: PubSub;
  /** The links of agents that this process holds. */
  readonly lines: AgentLines;
  /** Marks our containers on engines that several installations share. */
  readonly installationId: string;
}

/** How the driver of each kind is made; that calls no engine. A kind without a line here has no driver yet. */
const DRIVERS: Readonly<Record<DrivenKind, (parts: DriverParts) => RuntimeDriver>> = {
  docker: ({ config, dataSource, installationId }) =>
    makeDockerDriver(config, installationId, new SharedPullTurns(dataSource, pullLimits(config))),
  kubernetes: ({ config, dataSource, box, installationId }) =>
    new KubernetesDriver(new StoredClusterAccesses(dataSource, box, { ofMachine: config.KUBECONFIG_EXEC_AND_FILES }), {
      installationId,
      gpuResource: config.KUBERNETES_GPU_RESOURCE,
      graceSeconds: config.STOP_GRACE_SECONDS,
      registries: new AllowedRegistries(config.ALLOWED_REGISTRIES),
      routerNetworks: networksOf('KUBERNETES_ROUTER_NETWORKS', config.KUBERNETES_ROUTER_NETWORKS).map(
        ({ address, prefix }) => `${address}/${prefix}`,
      ),
      unschedulableSeconds: config.KUBERNETES_UNSCHEDULABLE_SECONDS,
    }),
  agent: (parts) => new AgentDriver(parts),
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
