import type { EngineInfo } from '../engines/engine-info';
import type { NodeTarget } from '../engines/node-target';
import { DriverError } from './runtime-driver';

const TRUSTED_MS = 30_000;

type Ask = () => Promise<Pick<EngineInfo, 'engineId'>>;

/** Asks an engine which one it is. Throws `unreachable` when it is not that of the node. */
export type MakeSure = () => Promise<void>;

interface Asking {
  readonly begun: number;
  readonly answer: Promise<void>;
}

/**
 * Makes sure that the engine behind an address is the one that the node stands for. Otherwise a worker on another machine, or
 * an address that now belongs to another engine, would lead to containers being started in the wrong place and the real ones
 * being missed. Times are those of `performance.now()`.
 */
export class EngineIdentities {
  private readonly checkedAt = new Map<string, number>();
  private readonly asking = new Map<string, Asking>();

  /** Throws `unreachable` when another engine answers. Asks the engine at most every thirty seconds per node. */
  async require(target: NodeTarget, ask: Ask): Promise<void> {
    if (target.engineId == null) return;
    const begun = performance.now();
    if (this.wasConfirmed(target, begun - TRUSTED_MS)) return;
    this.confirm(target, (await ask()).engineId, begun);
  }

  /**
   * The same, by what the engine has answered since then. For whoever has just seen that something is not there, which would be so
   * with any other engine, too. Those who wait together share one question, which is not to end with any of them.
   */
  async requireSince(target: NodeTarget, since: number, ask: Ask): Promise<void> {
    if (target.engineId == null || this.wasConfirmed(target, since)) return;
    const underWay = this.asking.get(keyOf(target));
    await (underWay !== undefined && underWay.begun >= since ? underWay : this.begin(target, ask)).answer;
  }

  /**
   * For whoever has asked the engine anyhow, at that time. Throws `unreachable` when it is another one: the address is trusted no more
   * then, by `require` neither.
   */
  confirm(target: NodeTarget, engineId: string, askedAt: number): void {
    if (target.engineId == null) return;
    if (engineId === target.engineId) {
      this.checkedAt.set(keyOf(target), askedAt);
      return;
    }
    this.forget(target);
    throw new DriverError('unreachable', 'Another engine answers in place of the one of this node');
  }

  /** For when another engine may be there from now on, such as after a connection has broken. The next `require` asks. */
  forget(target: NodeTarget): void {
    this.checkedAt.delete(keyOf(target));
  }

  private wasConfirmed(target: NodeTarget, since: number): boolean {
    return (this.checkedAt.get(keyOf(target)) ?? -Infinity) >= since;
  }

  private begin(target: NodeTarget, ask: Ask): Asking {
    const key = keyOf(target);
    const begun = performance.now();
    const answer = ask()
      .then(({ engineId }) => this.confirm(target, engineId, begun))
      .finally(() => {
        if (this.asking.get(key) === asking) this.asking.delete(key);
      });
    const asking = { begun, answer };
    this.asking.set(key, asking);
    return asking;
  }
}

const keyOf = ({ id, engineId, endpoint }: NodeTarget): string => `${id} ${engineId ?? ''} ${endpoint ?? ''}`;
