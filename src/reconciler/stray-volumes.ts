import { Injectable, Logger } from '@nestjs/common';
import { isUuid } from '../common/uuid';
import type { NodeTarget } from '../engines/node-target';
import type { RuntimeDriver } from '../runtime/runtime-driver';
import { VolumesRepository } from '../volumes/volumes.repository';

const EVERY_MS = 3_600_000;
const NAMED = 10;

/**
 * Tells operators of volumes on engines that no project has, as after a restore of an older database. Nothing removes them by
 * itself: they may be all that is left of somebody's data.
 */
@Injectable()
export class StrayVolumes {
  private readonly logger = new Logger(StrayVolumes.name);
  private readonly lookedAt = new Map<string, number>();

  constructor(private readonly volumes: VolumesRepository) {}

  /** Looks once an hour at each node. */
  async look(node: NodeTarget, { volumes }: Pick<RuntimeDriver, 'volumes'>, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    if (volumes === null || now - (this.lookedAt.get(node.id) ?? -EVERY_MS) < EVERY_MS) return;
    this.lookedAt.set(node.id, now);
    const ids = (await volumes.list(node, signal)).filter(isUuid);
    const strays = await this.volumes.strangersAmong(ids);
    if (strays.length === 0) return;
    const named = strays.slice(0, NAMED).join(', ');
    this.logger.warn(`Node ${node.name} keeps ${strays.length} volumes that no project has; docs/volumes.md says what to do: ${named}`);
  }
}
