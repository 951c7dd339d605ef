import fc from 'fast-check';
import { RESOURCE_DIMENSIONS, subtract, toCores, type Resources } from './resources';

const thousandths = fc.nat({ max: 1_024_000 });
const whole = fc.nat({ max: 16_777_216 });
const amount = fc.record({ cpuThousandths: thousandths, memoryMb: whole, gpuUnits: whole, storageGb: whole });
const resourcesOf = ({ cpuThousandths, ...rest }: { cpuThousandths: number } & Omit<Resources, 'cpuCores'>): Resources => ({
  cpuCores: cpuThousandths / 1000,
  ...rest,
});

describe('resources', () => {
  it('reads the numbers of PostgreSQL with three decimals', () => {
    expect([toCores('0.500'), toCores('16'), toCores('0.1'), toCores(0.1 + 0.2)]).toEqual([0.5, 16, 0.1, 0.3]);
  });

  it('takes what a replica needs from a node, exactly', () => {
    const node = { cpuCores: 0.3, memoryMb: 1024, gpuUnits: 1, storageGb: 10 };
    expect(subtract(node, { cpuCores: 0.1, memoryMb: 24, gpuUnits: 1, storageGb: 4 })).toEqual({
      cpuCores: 0.2,
      memoryMb: 1000,
      gpuUnits: 0,
      storageGb: 6,
    });
  });

  it('counts as if cores were whole thousandths, whatever the amounts', () => {
    fc.assert(
      fc.property(amount, amount, (from, less) => {
        const left = subtract(resourcesOf(from), resourcesOf(less));
        expect(Math.round(left.cpuCores * 1000)).toBe(from.cpuThousandths - less.cpuThousandths);
        expect(left.cpuCores).toBe(toCores(left.cpuCores));
        for (const dimension of ['memoryMb', 'gpuUnits', 'storageGb'] as const)
          expect(left[dimension]).toBe(from[dimension] - less[dimension]);
      }),
    );
  });

  it('leaves nothing of all, in every dimension', () => {
    fc.assert(
      fc.property(amount, (drawn) => {
        const left = subtract(resourcesOf(drawn), resourcesOf(drawn));
        expect(RESOURCE_DIMENSIONS.map((dimension) => left[dimension])).toEqual([0, 0, 0, 0]);
      }),
    );
  });
});
