import type { EngineInfo } from '../engines/engine-info';
import type { NodeTarget } from '../engines/node-target';
import { DriverError } from './runtime-driver';

const TRUSTED_MS = 30_000;

/**
 * Makes sure that the engine behind an address is the one that the node stands for. Otherwise a worker on another machine, or
 * an address that now belongs to another engine, would lead to containers being started in the wrong place and the real ones
 * being missed.
 */
export class EngineIdentities {
  private readonly checkedAt = new Map<string, number>();

  /** Throws `unreachable` when another engine answers. Asks the engine at most every thirty seconds per node. */
  async require(target: NodeTarget, ask: () => Promise<EngineInfo>): Promise<void> {
    if (target.engineId === undefined || target.engineId === null) return;
    const key = `${target.id} ${target.engineId} ${target.endpoint ?? ''}`;
    if (performance.now() - (this.checkedAt.get(key) ?? -TRUSTED_MS) < TRUSTED_MS) return;
    const { engineId } = await ask();
    if (engineId !== target.engineId) throw new DriverError('unreachable', 'Another engine answers in place of the one of this node');
    this.checkedAt.set(key, performance.now());
  }
}
