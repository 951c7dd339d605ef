import { statfs } from 'node:fs/promises';
import { freemem, loadavg, totalmem } from 'node:os';
import type { EngineInfo } from '../../engines/engine-info';
import type { EngineIsolation } from '../../engines/engine-isolation';
import { engineIsolation } from './engine-isolation';
import { isRecord, recordAt } from './json-lines';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

export interface DockerEngineInfo extends EngineInfo {
  readonly isolation: EngineIsolation;
}

/**
 * The capacity that the engine reports. Disk and usage are measured if the engine runs on this machine; elsewhere the disk is not
 * known, and usage is 0.
 */
export async function toEngineInfo(info: Record<string, unknown>, isLocal: boolean): Promise<DockerEngineInfo> {
  const cpuCores = Number(info.NCPU);
  const disk = isLocal ? await diskOf(info.DockerRootDir) : null;
  return {
    engineId: [info.ID, info.Name].find((id): id is string => typeof id === 'string' && id !== '') ?? 'unnamed',
    version: String(info.ServerVersion),
    cpuCores,
    memoryMb: Math.floor((Number(info.MemTotal) || 0) / MIB),
    storageGb: disk?.sizeGb ?? null,
    diskFreeGb: disk?.freeGb ?? null,
    gpuUnits: gpuUnits(info),
    cpuUsagePercent: isLocal ? percent((loadavg()[0] ?? 0) / cpuCores) : 0,
    memoryUsagePercent: isLocal ? percent((totalmem() - freemem()) / totalmem()) : 0,
    isolation: engineIsolation(info),
  };
}

/**
 * The number of devices that the engine lists as GPUs, by CDI or as generic resources. A runtime named nvidia tells no number.
 */
export function gpuUnits(info: Record<string, unknown>): number {
  const listed = (key: string): Record<string, unknown>[] => (Array.isArray(info[key]) ? info[key].filter(isRecord) : []);
  const devices = listed('DiscoveredDevices').filter(({ ID: id }) => /^(?:nvidia|amd)\.com\/gpu=\d+$/.test(String(id))).length;
  const isGpu = (resource: Record<string, unknown>): boolean => /gpu/i.test(String(resource.Kind));
  const resources = listed('GenericResources').reduce((sum, resource) => {
    const discrete = recordAt(resource, 'DiscreteResourceSpec');
    return sum + (isGpu(recordAt(resource, 'NamedResourceSpec')) ? 1 : 0) + (isGpu(discrete) ? Number(discrete.Value) || 0 : 0);
  }, 0);
  return Math.max(devices, resources);
}

/** Null where the folder is in a virtual machine, or not readable for us. */
async function diskOf(folder: unknown): Promise<{ sizeGb: number; freeGb: number } | null> {
  try {
    const { blocks, bavail, bsize } = await statfs(String(folder));
    return { sizeGb: Math.max(1, Math.floor((blocks * bsize) / GIB)), freeGb: Math.floor((bavail * bsize) / GIB) };
  } catch {
    return null;
  }
}

const percent = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
