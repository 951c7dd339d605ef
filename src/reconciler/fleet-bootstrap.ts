import { Injectable, Logger } from '@nestjs/common';
import { hostname } from 'node:os';
import { AppConfig } from '../config/app-config';
import { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type LocalEngine, type RuntimeDriver } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';

const ANSWER_WITHIN_MS = 5_000;

/**
 * Registers the nodes that the active runtime brings along: the engine of this machine with its real capacity, or the demo
 * nodes of a simulation. A runtime whose engines run elsewhere brings none.
 */
@Injectable()
export class FleetBootstrap {
  private readonly logger = new Logger(FleetBootstrap.name);
  private registered = false;

  constructor(
    private readonly config: AppConfig,
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
  ) {}

  /** Does nothing once it has succeeded. An engine that does not answer is asked again at the next call. */
  async registerOwnNodes(): Promise<void> {
    if (this.registered) return;
    const { activeDriver: driver } = this.runtimes;
    if (driver.traits.isSimulation) await this.nodes.registerDemoNodes();
    else if (driver.localEngine && !(await this.registerLocalEngine(driver, driver.localEngine))) return;
    this.registered = true;
  }

  private async registerLocalEngine(driver: RuntimeDriver, { name, target }: LocalEngine): Promise<boolean> {
    try {
      const info = await driver.info(target, AbortSignal.timeout(ANSWER_WITHIN_MS));
      const as = { name: hostname().slice(0, 90), region: this.config.NODE_REGION, runtime: driver.kind };
      await this.nodes.registerLocalEngine(info, as);
      return true;
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      this.logger.warn(`The ${name} of this machine does not answer yet: ${error.message}`);
      return false;
    }
  }
}
