import fc from 'fast-check';
import { AppConfig } from '../../config/app-config';
import { limitFaults, replicaFaults } from './limits';

const LIMITS = new AppConfig();
const SMALLEST = { replicas: 1, resources: { cpuCores: 0.5, memoryMb: 512, gpuUnits: 0, storageGb: 1 } };
const LARGEST = { replicas: 100, resources: { cpuCores: 32, memoryMb: 65_536, gpuUnits: 8, storageGb: 1000 } };

describe('limitFaults', () => {
  it.each([
    ['the smallest', SMALLEST],
    ['the largest', LARGEST],
  ])('takes %s spec that the limits allow', (_name, spec) => {
    expect(limitFaults(LIMITS, spec)).toEqual([]);
  });

  it.each([
    ['too few replicas', { ...SMALLEST, replicas: 0 }, '/replicas', 'must be between 1 and 100 replicas'],
    ['too many replicas', { ...SMALLEST, replicas: 101 }, '/replicas', 'must be between 1 and 100 replicas'],
    [
      'too little CPU',
      { replicas: 1, resources: { ...SMALLEST.resources, cpuCores: 0.499 } },
      '/resources/cpu',
      'must be between 0.5 and 32 cores',
    ],
    [
      'too much CPU',
      { replicas: 1, resources: { ...LARGEST.resources, cpuCores: 32.001 } },
      '/resources/cpu',
      'must be between 0.5 and 32 cores',
    ],
    [
      'too little memory',
      { replicas: 1, resources: { ...SMALLEST.resources, memoryMb: 511 } },
      '/resources/memory',
      'must be between 512 and 65536 MB',
    ],
    [
      'too much memory',
      { replicas: 1, resources: { ...LARGEST.resources, memoryMb: 65_537 } },
      '/resources/memory',
      'must be between 512 and 65536 MB',
    ],
    [
      'fewer GPUs than none',
      { replicas: 1, resources: { ...SMALLEST.resources, gpuUnits: -1 } },
      '/resources/gpu',
      'must be between 0 and 8 units',
    ],
    ['too many GPUs', { replicas: 1, resources: { ...LARGEST.resources, gpuUnits: 9 } }, '/resources/gpu', 'must be between 0 and 8 units'],
    [
      'no storage',
      { replicas: 1, resources: { ...SMALLEST.resources, storageGb: 0 } },
      '/resources/storage',
      'must be between 1 and 1000 GB',
    ],
    [
      'too much storage',
      { replicas: 1, resources: { ...LARGEST.resources, storageGb: 1001 } },
      '/resources/storage',
      'must be between 1 and 1000 GB',
    ],
  ])('refuses %s', (_name, spec, pointer, detail) => {
    expect(limitFaults(LIMITS, spec)).toEqual([{ pointer, detail }]);
  });

  it('refuses more ports than are configured, and a port that is listed twice', () => {
    const tcp = (containerPort: number) => ({ containerPort, protocol: 'tcp' as const });
    const ports = (...list: { containerPort: number; protocol: 'tcp' | 'udp' }[]) => limitFaults(LIMITS, { ...SMALLEST, ports: list });
    expect(ports(...Array.from({ length: 10 }, (_unused, n) => tcp(n + 1)))).toEqual([]);
    expect(ports(...Array.from({ length: 11 }, (_unused, n) => tcp(n + 1)))).toEqual([
      { pointer: '/ports', detail: 'must have at most 10 entries' },
    ]);
    expect(ports(tcp(80), { containerPort: 80, protocol: 'udp' })).toEqual([]);
    expect(ports(tcp(80), tcp(443), tcp(80))).toEqual([{ pointer: '/ports/2', detail: 'must not repeat 80/tcp' }]);
  });

  it('refuses what is no number', () => {
    expect(replicaFaults(LIMITS, NaN)).toHaveLength(1);
  });

  it('names all faults at once, by the configured limits', () => {
    const limits = { ...LIMITS, MAX_REPLICAS: 3, MAX_STORAGE_GB: 5 };
    expect(limitFaults(limits, LARGEST)).toEqual([
      { pointer: '/replicas', detail: 'must be between 1 and 3 replicas' },
      { pointer: '/resources/storage', detail: 'must be between 1 and 5 GB' },
    ]);
  });

  it('has a fault exactly when something is outside', () => {
    const amount = fc.integer({ min: -2, max: 70_000 });
    fc.assert(
      fc.property(amount, amount, (replicas, memoryMb) => {
        const inside = replicas >= 1 && replicas <= 100 && memoryMb >= 512 && memoryMb <= 65_536;
        expect(limitFaults(LIMITS, { replicas, resources: { ...SMALLEST.resources, memoryMb } }).length === 0).toBe(inside);
      }),
    );
  });
});
