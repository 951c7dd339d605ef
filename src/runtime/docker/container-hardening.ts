import type { ContainerCreateOptions } from 'dockerode';
import type { EngineIsolation } from '../../engines/engine-isolation';
import type { WorkloadSpec } from '../runtime-driver';

/**
 * The capabilities of every container: images give files to their users and listen on port 80. Root without DAC_OVERRIDE has
 * to keep to the permissions of files, and without SETUID and SETGID it stays who it is.
 */
const CAPABILITIES = ['CHOWN', 'FOWNER', 'FSETID', 'KILL', 'NET_BIND_SERVICE'];

const PIDS_LIMIT = 256;
/** Of the memory of the container, in which shared memory counts; as on a whole machine. The engine's own default may be anything. */
const SHARED_MEMORY_SHARE = 0.5;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TMP = 'rw,noexec,nosuid,nodev,size=64m,mode=1777';

/** What the node and the configuration say about how containers are held. */
export interface Hold {
  readonly isolation: EngineIsolation;
  /** The OCI runtime that the node demands; null is the engine's own choice. */
  readonly ociRuntime: string | null;
  /** Capabilities beyond those of every container. */
  readonly extraCapabilities: readonly string[];
  /** How many files a process may have open; 0 is what the engine gives by itself. */
  readonly openFiles: number;
}

/**
 * The part of a container's settings that holds it. Nothing here weakens what the engine does by itself: a profile is named
 * where the engine has it, so that no other default of the engine counts, and a profile of its operator stays.
 */
export function hardening(
  spec: WorkloadSpec,
  { isolation, ociRuntime, extraCapabilities, openFiles }: Hold,
): ContainerCreateOptions['HostConfig'] {
  return {
    Privileged: false,
    IpcMode: 'private',
    CapDrop: ['ALL'],
    CapAdd: [...CAPABILITIES, ...extraCapabilities],
    SecurityOpt: [
      'no-new-privileges',
      ...(isolation.seccomp === 'builtin' ? ['seccomp=builtin'] : []),
      ...(isolation.appArmor ? ['apparmor=docker-default'] : []),
    ],
    PidsLimit: PIDS_LIMIT,
    ShmSize: Math.round(spec.resources.memoryMb * MIB * SHARED_MEMORY_SHARE),
    Ulimits: [
      // The machine's own program for crashes would get the memory of the container, and keep it on the machine's disk.
      { Name: 'core', Soft: 0, Hard: 0 },
      ...(openFiles === 0 ? [] : [{ Name: 'nofile', Soft: openFiles, Hard: openFiles }]),
    ],
    ReadonlyRootfs: spec.readOnlyRoot === true,
    ...(spec.readOnlyRoot === true ? { Tmpfs: { '/tmp': TMP } } : {}),
    ...(ociRuntime === null ? {} : { Runtime: ociRuntime }),
    ...(isolation.storageLimit === 'not_enforced' ? {} : { StorageOpt: { size: String(Math.round(spec.resources.storageGb * GIB)) } }),
  };
}
