import { Injectable } from '@nestjs/common';
import { DriverError, type WorkloadSpec } from '../runtime/runtime-driver';
import { FailedPulls } from '../secrets/failed-pulls';

/** Looks on while replicas start, for images that could not be pulled. */
@Injectable()
export class WatchedPulls {
  constructor(private readonly failed: FailedPulls) {}

  /** Resolves and rejects as the start does. */
  async watch({ registry }: Pick<WorkloadSpec, 'registry'>, start: Promise<void>): Promise<void> {
    try {
      await start;
    } catch (error) {
      if (error instanceof DriverError && error.failure === 'image_unavailable') await this.failed.note(registry);
      throw error;
    }
  }
}
