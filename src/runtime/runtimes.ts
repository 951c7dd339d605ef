import type { RuntimeKind } from '../engines/runtime-kinds';
import type { RuntimeDriver } from './runtime-driver';

export interface ActiveRuntime {
  readonly kind: RuntimeKind;
  /** What was found, and where, in words for start-up output and health. */
  readonly reason: string;
}

/**
 * The drivers with which this process serves nodes, one for each kind of engine. `RUNTIME` decides which of them is active:
 * start-up output and health name it, and its local engine or demo nodes are registered. The simulation has no other driver
 * beside it, so that it is never mistaken for a real engine.
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

  /** Null when this process cannot serve nodes of that kind. */
  driverFor(kind: RuntimeKind): RuntimeDriver | null {
    return this.drivers.get(kind) ?? null;
  }

  onApplicationShutdown(): void {
    for (const driver of this.drivers.values()) driver.close();
  }
}
