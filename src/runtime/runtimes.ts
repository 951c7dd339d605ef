import type { RuntimeKind } from '../engines/runtime-kinds';
import type { RuntimeDriver } from './runtime-driver';

export interface ActiveRuntime {
  readonly kind: RuntimeKind;
  /** In words, for start-up output and health: what was found, and where. */
  readonly reason: string;
}

/**
 * The drivers that this process serves nodes with, one for each kind of engine. The active one is what `RUNTIME` has led to:
 * start-up output and health name it, and the engine or the demo nodes that it brings along are registered. A simulation has
 * no other driver beside it, so that it never passes for the real thing.
 */
export class Runtimes {
  readonly active: ActiveRuntime;
  private readonly drivers: ReadonlyMap<RuntimeKind, RuntimeDriver>;

  /** `activeDriver` is one of `drivers`. */
  constructor(
    readonly activeDriver: RuntimeDriver,
    reason: string,
    drivers: readonly RuntimeDriver[],
  ) {
    this.active = { kind: activeDriver.kind, reason };
    this.drivers = new Map(drivers.map((driver) => [driver.kind, driver]));
  }

  /** The kinds of the nodes that this process serves. */
  get kinds(): RuntimeKind[] {
    return [...this.drivers.keys()];
  }

  /** Null when nodes of that kind cannot be served by this process. */
  driverFor(kind: RuntimeKind): RuntimeDriver | null {
    return this.drivers.get(kind) ?? null;
  }

  onApplicationShutdown(): void {
    for (const driver of this.drivers.values()) driver.close();
  }
}
