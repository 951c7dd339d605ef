import { ApiProperty } from '@nestjs/swagger';
import { HELD, type Held } from '../../config/quota-list';
import type { Limits } from '../quota-limits';

/** A limit, and what is used of it. */
export class QuotaUseDto {
  @ApiProperty({ type: Number, nullable: true, description: 'Null: no limit' })
  limit!: number | null;

  @ApiProperty()
  used!: number;
}

const Use = (): PropertyDecorator => ApiProperty({ type: () => QuotaUseDto });

/** What is counted, as in refusals with `quota_exceeded`. */
export class QuotaDto implements Record<Held, QuotaUseDto> {
  @Use()
  deployments!: QuotaUseDto;

  @Use()
  replicas!: QuotaUseDto;

  @Use()
  cpu_cores!: QuotaUseDto;

  @Use()
  memory_mb!: QuotaUseDto;

  @Use()
  gpu_units!: QuotaUseDto;

  @Use()
  storage_gb!: QuotaUseDto;

  @Use()
  volumes!: QuotaUseDto;

  @Use()
  ports!: QuotaUseDto;

  @Use()
  kept_deployments!: QuotaUseDto;

  @Use()
  stored_bytes!: QuotaUseDto;

  static of(limits: Limits, used: Readonly<Record<Held, number>>): QuotaDto {
    const uses = HELD.map((held) => [held, { limit: limits[held], used: used[held] }] as const);
    return Object.assign(new QuotaDto(), Object.fromEntries(uses));
  }
}
