import type { EngineIsolation } from '../../engines/engine-isolation';
import type { NodeTarget } from '../../engines/node-target';

/**
 * What the engines have last told of their isolation, and what containers have shown of it since: an engine does not tell
 * whether it can limit storage, but it refuses a container with a limit if it cannot.
 */
export class SeenIsolation {
  private readonly told = new Map<string, EngineIsolation>();
  private readonly storageLimits = new Map<string, boolean>();

  /** Keeps what the engine has told and returns it together with what was seen. */
  note(target: NodeTarget, told: EngineIsolation): EngineIsolation {
    const seen = this.storageLimits.get(keyOf(target));
    const isolation: EngineIsolation =
      told.storageLimit === 'unknown' && seen !== undefined ? { ...told, storageLimit: seen ? 'enforced' : 'not_enforced' } : told;
    this.told.set(keyOf(target), isolation);
    return isolation;
  }

  /** Undefined when the engine has not told anything to this process yet. */
  of(target: NodeTarget): EngineIsolation | undefined {
    return this.told.get(keyOf(target));
  }

  /** A container has shown whether the engine can hold it to its storage. */
  storageLimitSeen(target: NodeTarget, enforced: boolean): void {
    this.storageLimits.set(keyOf(target), enforced);
    const told = this.of(target);
    if (told) this.note(target, { ...told, storageLimit: 'unknown' });
  }
}

const keyOf = ({ id, engineId, endpoint }: NodeTarget): string => `${id} ${engineId ?? ''} ${endpoint ?? ''}`;
