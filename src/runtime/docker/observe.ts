import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { exitReason } from '../exit-reason';
import { oneLine } from '../one-line';
import type { ObservedWorkload, PublishedPort, WorkloadOrigin, WorkloadPhase } from '../runtime-driver';
import { hasMissedNetwork, refusalWords } from './docker-errors';
import { LABEL } from './docker-labels';
import { endedLately, mostSecondsUp } from './uptime';

/**
 * Reads a workload from a line of the container list; null when the line does not tell enough (how a container ended, why its
 * health check fails), so that an inspection is needed. When the run began is not in the list, only when it was created.
 *
 * One that has never run is not inspected: the engine answers that only when a start under way is over, so that a start which takes
 * long, or hangs, would keep the list from everybody. If its start has failed, it is a start that has to be asked for again.
 */
export function fromList(container: ContainerInfo): ObservedWorkload | null {
  const phase = listedPhase(container);
  if (phase === null) return null;
  return {
    replicaId: container.Labels[LABEL.replica] ?? '',
    deploymentId: container.Labels[LABEL.deployment] ?? '',
    containerId: container.Id,
    phase,
    hasRun: container.State !== 'created',
    startedAt: null,
    upSeconds: mostSecondsUp(container.Status),
    exitCode: null,
    reason: null,
    publishedPorts: ((container.Ports as ContainerInfo['Ports'] | null) ?? [])
      .flatMap((port) => publishedPort(`${port.PrivatePort}/${port.Type}`, { hostIp: port.IP, hostPort: port.PublicPort }))
      .sort(byNumber),
    origin: originOf({ name: container.Names[0], createdSeconds: container.Created, labels: container.Labels }),
  };
}

function listedPhase({ State: state, Status: status }: ContainerInfo): WorkloadPhase | null {
  if (state === 'created') return 'starting';
  if (state !== 'running' && state !== 'paused') return null;
  const phase = livePhase(state, /\((?:health: )?(starting|unhealthy)\)/.exec(status)?.[1]);
  return phase === 'unhealthy' ? null : phase;
}

/** A port that is not published is null. The engine leaves the whole map out for a container that never ran. */
type PortBindings = Record<string, { HostIp: string; HostPort: string }[] | null>;

/** `listed`: the status in words from the line of the list, which tells by the engine's own clock how long ago a run has ended. */
export function fromInspection(container: ContainerInspectInfo, listed = ''): ObservedWorkload {
  const startedAt = new Date(container.State.StartedAt);
  const hasRun = hasEverRun(container);
  return {
    replicaId: container.Config.Labels[LABEL.replica] ?? '',
    deploymentId: container.Config.Labels[LABEL.deployment] ?? '',
    containerId: container.Id,
    ...stateOf(container),
    ...(wasKilled(container) && (endedLately(listed) || wasUp(listed)) ? { justKilled: true } : {}),
    hasRun,
    startedAt: hasRun ? startedAt : null,
    upSeconds: null,
    publishedPorts: Object.entries((container.NetworkSettings.Ports as PortBindings | undefined) ?? {})
      .flatMap(([port, bindings]) =>
        (bindings ?? []).flatMap((binding) => publishedPort(port, { hostIp: binding.HostIp, hostPort: Number(binding.HostPort) })),
      )
      .sort(byNumber),
    origin: originOf({
      name: container.Name,
      createdSeconds: Date.parse(container.Created) / 1000,
      labels: container.Config.Labels,
    }),
  };
}

interface Made {
  readonly name: string | undefined;
  readonly createdSeconds: number;
  readonly labels: Readonly<Partial<Record<string, string>>>;
}

/** Labels may have been written by hand, so each may be missing or be anything. */
function originOf({ name, createdSeconds, labels }: Made): WorkloadOrigin {
  const generation = labels[LABEL.generation] ?? '';
  return {
    name: (name ?? '').replace(/^\//, ''),
    image: labels[LABEL.image] ?? null,
    createdAt: Number.isFinite(createdSeconds) ? new Date(Math.floor(createdSeconds) * 1000) : null,
    generation: /^\d{1,9}$/.test(generation) ? Number(generation) : null,
    specDigest: labels[LABEL.spec] ?? null,
    imageDigest: labels[LABEL.imageDigest] ?? null,
  };
}

/** The engine writes the year 1 for a container that has never run. */
const hasEverRun = ({ State: state }: ContainerInspectInfo): boolean => new Date(state.StartedAt).getUTCFullYear() > 1;

/** SIGKILL and SIGTERM: the engine sends them for people, and for a container that takes more memory than it may. */
const KILLED = new Set([137, 143]);
const wasKilled = ({ State: state }: ContainerInspectInfo): boolean =>
  state.Status === 'exited' && KILLED.has(state.ExitCode) && !state.OOMKilled;

/** What its line still shows as up, and an inspection as over, has ended between the two. */
const wasUp = (listed: string): boolean => mostSecondsUp(listed) !== null;

const STARTING = { phase: 'starting', exitCode: null, reason: null } as const;

/**
 * Between the start that missed its network and the next container, `ensureContainer` has a container that could not be started
 * and then one that is being removed. Neither has ended: both are a start that goes on.
 */
function stateOf(container: ContainerInspectInfo): Pick<ObservedWorkload, 'phase' | 'exitCode' | 'reason'> {
  const { State: state, HostConfig: host } = container;
  switch (state.Status) {
    case 'running':
    case 'paused': {
      const phase = livePhase(state.Status, state.Health?.Status);
      return { phase, exitCode: null, reason: phase === 'unhealthy' ? checkFailure(state.Health?.Log ?? []) : null };
    }
    case 'restarting':
      return STARTING;
    case 'created':
      if (!state.Error || hasMissedNetwork(state.Error)) return STARTING;
      return { phase: 'exited', exitCode: state.ExitCode, reason: refusalWords(state.Error) ?? 'Could not be started' };
    case 'removing':
      if (!hasEverRun(container)) return STARTING;
      return { phase: 'exited', exitCode: state.ExitCode, reason: 'Being removed' };
    default: {
      const memoryMb = host.Memory ? Math.round(host.Memory / 1024 / 1024) : null;
      const reason = exitReason({ code: state.ExitCode, outOfMemory: state.OOMKilled && state.ExitCode !== 0, memoryMb });
      return { phase: 'exited', exitCode: state.ExitCode, reason };
    }
  }
}

function livePhase(state: string, health: string | undefined): Exclude<WorkloadPhase, 'exited'> {
  if (state === 'paused') return 'paused';
  return health === 'starting' || health === 'unhealthy' ? health : 'running';
}

/** What the last probe answered; the engine writes -1 for one that was not over in time or could not be run. */
function checkFailure(probes: readonly { readonly ExitCode: number; readonly Output: string }[]): string {
  const last = probes.at(-1);
  if (!last) return 'Health check fails';
  const output = oneLine(last.Output);
  return `Health check fails${last.ExitCode > 0 ? ` with code ${last.ExitCode}` : ''}${output === '' ? '' : `: ${output}`}`;
}

const byNumber = (a: PublishedPort, b: PublishedPort): number =>
  a.containerPort - b.containerPort || a.protocol.localeCompare(b.protocol) || a.hostIp.localeCompare(b.hostIp) || a.hostPort - b.hostPort;

/** A port such as `80/tcp` with its host port; nothing when it is exposed without being published. */
function publishedPort(port: string, host: { hostIp: string | undefined; hostPort: number | undefined }): PublishedPort[] {
  const [containerPort, protocol] = port.split('/');
  if (!host.hostPort || (protocol !== 'tcp' && protocol !== 'udp')) return [];
  return [{ containerPort: Number(containerPort), protocol, hostIp: host.hostIp ?? '', hostPort: host.hostPort }];
}
