import type { OpenAPIObject } from '@nestjs/swagger';
import type { AppConfig } from '../config/app-config';
import { isPart, partOf, type Part } from './schema-walk';

interface Range {
  readonly minimum: number;
  readonly maximum: number;
}

/** States the limits of this installation in the place of the default ones, with defaults and examples that are within them. */
export function stateLimits(document: OpenAPIObject, config: AppConfig): void {
  const schemas: Part = { ...document.components?.schemas };
  const replicas = { minimum: 1, maximum: config.MAX_REPLICAS };
  const limits: Readonly<Record<string, Readonly<Record<string, Range>>>> = {
    ResourcesRequestDto: {
      cpu: { minimum: config.MIN_CPU_CORES, maximum: config.MAX_CPU_CORES },
      memory: { minimum: config.MIN_MEMORY_MB, maximum: config.MAX_MEMORY_MB },
      gpu: { minimum: 0, maximum: config.MAX_GPU_UNITS },
      storage: { minimum: config.MIN_STORAGE_GB, maximum: config.MAX_STORAGE_GB },
    },
    DeployRequestDto: { replicas },
    ScaleRequestDto: { replicas },
  };
  for (const [name, ranges] of Object.entries(limits)) {
    const properties = partOf(partOf(schemas, name), 'properties');
    for (const [member, range] of Object.entries(ranges)) state(properties[member], range);
  }
}

function state(schema: unknown, { minimum, maximum }: Range): void {
  if (!isPart(schema)) return;
  Object.assign(schema, { minimum, maximum });
  const { example } = schema;
  if (typeof example === 'number') schema.example = Math.min(maximum, Math.max(minimum, example));
}
