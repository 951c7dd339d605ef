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
  async require(target: NodeTarget, ask: () => Promise<Pick<EngineInfo, 'engineId'>>): Promise<void> {
    if (target.engineId == null) return;
    if (performance.now() - (this.checkedAt.get(keyOf(target)) ?? -TRUSTED_MS) < TRUSTED_MS) return;
    this.confirm(target, (await ask()).engineId);
  }

  /**
   * For whoever has asked the engine anyhow. Throws `unreachable` when it is another one: the address is trusted no more then, by
   * `require` neither.
   */
  confirm(target: NodeTarget, engineId: string): void {
    if (target.engineId == null) return;
    if (engineId === target.engineId) {
      this.checkedAt.set(keyOf(target), performance.now());
      return;
    }
    this.forget(target);
    throw new DriverError('unreachable', 'Another engine answers in place of the one of this node');
  }

  /** For when another engine may be there from now on, such as after a connection has broken. The next `require` asks. */
  forget(target: NodeTarget): void {
    this.checkedAt.delete(keyOf(target));
  }
}

const keyOf = ({ id, engineId, endpoint }: NodeTarget): string => `${id} ${engineId ?? ''} ${endpoint ?? ''}`;
