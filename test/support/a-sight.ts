import type { Sight } from '../../src/agent/reports/sight';
import type { EngineInfo } from '../../src/engines/engine-info';

/** What an engine says of itself. */
export const ENGINE: EngineInfo = {
  engineId: 'e',
  version: '1',
  isolation: null,
  cpuCores: 4,
  memoryMb: 4096,
  gpuUnits: 0,
  storageGb: 50,
  diskFreeGb: 20,
  cpuUsagePercent: 10,
  memoryUsagePercent: 50,
  trouble: null,
};

/** What an agent sees of an engine that runs nothing, and of itself without any trouble. */
export const aSight = (over: Partial<Sight> = {}): Sight => ({
  ordersVersion: 1,
  engine: ENGINE,
  engineTrouble: null,
  workloads: [],
  gone: [],
  troubles: [],
  progress: [],
  accounts: [],
  ...over,
});
