import type { AppConfig } from '../../config/app-config';
import type { FieldFault } from '../../common/problem/domain-error';
import { writesVolumes, type ContainerSpec, type VolumeMount } from '../../engines/container-spec';

export const MOST_VOLUMES = 20;
export const MAX_PATH_LENGTH = 255;

/** Absolute, and of names that every engine and file system takes as they are. */
export const MOUNT_PATH = /^(?:\/[A-Za-z0-9._@%+=~-]{1,128})+$/;

/** What a container needs to work has to stay what it is. */
const NEVER_UNDER = ['/proc', '/sys', '/dev', '/run/secrets', '/var/run/secrets'];
const NEVER = [
  '/etc',
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/usr',
  '/run',
  '/var',
  '/var/run',
];

type Mounting = Pick<ContainerSpec, 'volumes' | 'readOnlyRoot'>;

/**
 * What is wrong with the volumes of a deployment, beyond the shapes of their members. One that is written to has one writer, so such a
 * deployment has one replica.
 */
export function volumeFaults(
  { MAX_STORAGE_GB: most }: Pick<AppConfig, 'MAX_STORAGE_GB'>,
  { volumes = [], readOnlyRoot }: Mounting,
  replicas: number,
): FieldFault[] {
  return [
    ...volumes.flatMap((volume, index) => [
      ...pathFaults(volume, readOnlyRoot === true).map((detail) => ({ pointer: `/volumes/${index}/path`, detail })),
      ...(volume.sizeGb > most ? [{ pointer: `/volumes/${index}/size_gb`, detail: `must be between 1 and ${most} GB` }] : []),
      ...repeats(volumes, index, 'name'),
      ...repeats(volumes, index, 'path'),
    ]),
    ...writerFaults({ volumes }, replicas),
  ];
}

/** Two writers at once would spoil each other's files. */
export function writerFaults(container: Pick<ContainerSpec, 'volumes'>, replicas: number): FieldFault[] {
  if (replicas <= 1 || !writesVolumes(container)) return [];
  const detail = 'must be 1 for a deployment that writes to a volume; volumes with read_only may have more';
  return [{ pointer: '/replicas', detail }];
}

function pathFaults({ path }: VolumeMount, readOnlyRoot: boolean): string[] {
  if (path.split('/').some((part) => part === '.' || part === '..')) return ['must not contain . or .. as a part'];
  const isUnder = (folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
  if (NEVER.includes(path) || NEVER_UNDER.some(isUnder)) return [`must not be ${path}, which belongs to the system of the container`];
  return readOnlyRoot && path === '/tmp' ? ['must not be /tmp, which read_only_root makes writable by itself'] : [];
}

function repeats(volumes: readonly VolumeMount[], index: number, member: 'name' | 'path'): FieldFault[] {
  const value = volumes[index]?.[member];
  const isFirst = volumes.findIndex((other) => other[member] === value) === index;
  return isFirst ? [] : [{ pointer: `/volumes/${index}/${member}`, detail: `must not repeat ${value ?? ''}` }];
}
