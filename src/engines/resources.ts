/** An amount of the four things that a node has and a replica reserves. CPU in cores (three decimals), storage in GB. */
export interface Resources {
  readonly cpuCores: number;
  readonly memoryMb: number;
  readonly gpuUnits: number;
  readonly storageGb: number;
}

/** What one of several machines could give to one container. */
export type LargestMachine = Pick<Resources, 'cpuCores' | 'memoryMb'>;

/** How busy a machine is, from 0 to 100. */
export interface Usage {
  readonly cpuUsagePercent: number;
  readonly memoryUsagePercent: number;
}

export const RESOURCE_DIMENSIONS = ['cpuCores', 'memoryMb', 'gpuUnits', 'storageGb'] as const satisfies readonly (keyof Resources)[];
export type ResourceDimension = (typeof RESOURCE_DIMENSIONS)[number];

/** The number of cores from PostgreSQL, which sends numeric columns as text, with its three decimals. */
export const toCores = (value: string | number): number => Math.round(Number(value) * 1000) / 1000;

/** What is left of a capacity. Exact, because cores are rounded to thousandths. */
export const subtract = (from: Resources, amount: Resources): Resources => ({
  cpuCores: toCores(from.cpuCores - amount.cpuCores),
  memoryMb: from.memoryMb - amount.memoryMb,
  gpuUnits: from.gpuUnits - amount.gpuUnits,
  storageGb: from.storageGb - amount.storageGb,
});
