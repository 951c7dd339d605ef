import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { exitReason } from '../exit-reason';
import type { ObservedWorkload, PublishedPort, WorkloadPhase } from '../runtime-driver';
import { refusalWords } from './docker-errors';
import { LABEL } from './docker-labels';

const HEALTH_FAILS = 'Health check fails';
const PAUSED = 'Paused on the node';

/**
 * Reads a workload from a line of the container list; null when the line does not tell enough (such as how a container ended),
 * so that an inspection is needed. `startedAt` is the time of creation here, less than a second before the start.
 */
export function fromList(container: ContainerInfo): ObservedWorkload | null {
  if (container.State !== 'running' && container.State !== 'paused') return null;
  const [phase, reason] = livePhase(container.State, /\((?:health: )?(starting|unhealthy)\)/.exec(container.Status)?.[1]);
  return {
    replicaId: container.Labels[LABEL.replica] ?? '',
    deploymentId: container.Labels[LABEL.deployment] ?? '',
    containerId: container.Id,
    phase,
    startedAt: new Date(container.Created * 1000),
    exitCode: null,
    reason,
    publishedPorts: container.Ports.flatMap((port) =>
      publishedPort(`${port.PrivatePort}/${port.Type}`, { hostIp: port.IP, hostPort: port.PublicPort }),
    ),
  };
}

/** A port that is not published is null. The engine leaves the whole map out for a container that never ran. */
type PortBindings = Record<string, { HostIp: string; HostPort: string }[] | null>;

export function fromInspection(container: ContainerInspectInfo): ObservedWorkload {
  const startedAt = new Date(container.State.StartedAt);
  return {
    replicaId: container.Config.Labels[LABEL.replica] ?? '',
    deploymentId: container.Config.Labels[LABEL.deployment] ?? '',
    containerId: container.Id,
    ...stateOf(container),
    startedAt: startedAt.getUTCFullYear() > 1 ? startedAt : null,
    publishedPorts: Object.entries((container.NetworkSettings.Ports as PortBindings | undefined) ?? {}).flatMap(([port, bindings]) =>
      (bindings ?? []).flatMap((binding) => publishedPort(port, { hostIp: binding.HostIp, hostPort: Number(binding.HostPort) })),
    ),
  };
}

function stateOf({ State: state, HostConfig: host }: ContainerInspectInfo): Pick<ObservedWorkload, 'phase' | 'exitCode' | 'reason'> {
  switch (state.Status) {
    case 'running':
    case 'paused': {
      const [phase, reason] = livePhase(state.Status, state.Health?.Status);
      return { phase, exitCode: null, reason };
    }
    case 'restarting':
      return { phase: 'starting', exitCode: null, reason: null };
    case 'created':
      if (!state.Error) return { phase: 'starting', exitCode: null, reason: null };
      return { phase: 'exited', exitCode: state.ExitCode, reason: refusalWords(state.Error) ?? 'Could not be started' };
    case 'removing':
      return { phase: 'exited', exitCode: state.ExitCode, reason: 'Being removed' };
    default: {
      const memoryMb = host.Memory ? Math.round(host.Memory / 1024 / 1024) : null;
      const reason = exitReason({ code: state.ExitCode, outOfMemory: state.OOMKilled && state.ExitCode !== 0, memoryMb });
      return { phase: 'exited', exitCode: state.ExitCode, reason };
    }
  }
}

function livePhase(state: string, health: string | undefined): readonly [WorkloadPhase, string | null] {
  if (state === 'paused') return ['unhealthy', PAUSED];
  if (health === 'starting') return ['starting', null];
  return health === 'unhealthy' ? ['unhealthy', HEALTH_FAILS] : ['running', null];
}

/** A port such as `80/tcp` with its host port; nothing when it is exposed without being published. */
function publishedPort(port: string, host: { hostIp: string | undefined; hostPort: number | undefined }): PublishedPort[] {
  const [containerPort, protocol] = port.split('/');
  if (!host.hostPort || (protocol !== 'tcp' && protocol !== 'udp')) return [];
  return [{ containerPort: Number(containerPort), protocol, hostIp: host.hostIp ?? '', hostPort: host.hostPort }];
}
