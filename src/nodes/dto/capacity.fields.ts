import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { Optional } from '../../common/validation/fields';
import { ThreeDecimals } from '../../common/validation/three-decimals';
import type { Resources } from '../../engines/resources';

const MAX_CPU_CORES = 10_000;
const MIN_CPU_CORES = 0.1;

const whole = (what: {
  property: string;
  min: number;
  max: number;
  unit: string;
  description: string;
  example: number;
}): PropertyDecorator => {
  const message = `${what.property} must be a whole number of ${what.unit} from ${what.min} to ${what.max}`;
  return applyDecorators(
    ApiPropertyOptional({ type: 'integer', minimum: what.min, maximum: what.max, description: what.description, example: what.example }),
    Optional(),
    IsInt({ message }),
    Min(what.min, { message }),
    Max(what.max, { message }),
  );
};

const CPU_MESSAGE = `cpu_cores must be a number from ${MIN_CPU_CORES} to ${MAX_CPU_CORES} with at most three decimals`;

/** CPU cores with three decimals. */
export const CpuCores = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      type: 'number',
      minimum: MIN_CPU_CORES,
      maximum: MAX_CPU_CORES,
      description: 'CPU cores, up to three decimals.',
      example: 8,
    }),
    Optional(),
    ThreeDecimals({ message: CPU_MESSAGE }),
    Min(MIN_CPU_CORES, { message: CPU_MESSAGE }),
    Max(MAX_CPU_CORES, { message: CPU_MESSAGE }),
  );

export const MemoryMb = (): PropertyDecorator =>
  whole({ property: 'memory_mb', min: 1, max: 100_000_000, unit: 'MB', description: 'Memory in MB.', example: 16_384 });

export const GpuUnits = (): PropertyDecorator =>
  whole({ property: 'gpu_units', min: 0, max: 1_024, unit: 'units', description: 'GPU units.', example: 0 });

export const StorageGb = (): PropertyDecorator =>
  whole({ property: 'storage_gb', min: 1, max: 10_000_000, unit: 'GB', description: 'Storage in GB.', example: 200 });

/** The members of a capacity that a request names; members that it leaves out are left out here too. */
export const capacityOf = (body: {
  cpu_cores?: number;
  memory_mb?: number;
  gpu_units?: number;
  storage_gb?: number;
}): Partial<Resources> => ({ cpuCores: body.cpu_cores, memoryMb: body.memory_mb, gpuUnits: body.gpu_units, storageGb: body.storage_gb });
