import { Injectable, Logger } from '@nestjs/common';
import { hostname } from 'node:os';
import { AppConfig } from '../config/app-config';
import { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, LOCAL_TARGET } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';

const ANSWER_WITHIN_MS = 5_000;

/** Registers what this machine brings along: its Docker Engine with its real capacity, or the demo nodes of a simulation. */
@Injectable()
export class FleetBootstrap {
  private readonly logger = new Logger(FleetBootstrap.name);
  private registered = false;

  constructor(
    private readonly config: AppConfig,
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
  ) {}

  /** Does nothing once it has succeeded. An engine that is away is asked again at the next call. */
  async registerOwnNodes(): Promise<void> {
    if (this.registered) return;
    if (this.runtimes.active.kind === 'simulated') await this.nodes.registerDemoNodes();
    else if (!(await this.registerLocalEngine())) return;
    this.registered = true;
  }

  private async registerLocalEngine(): Promise<boolean> {
    const driver = this.runtimes.driverFor('docker');
    if (!driver) return false;
    try {
      const info = await driver.info(LOCAL_TARGET, AbortSignal.timeout(ANSWER_WITHIN_MS));
      await this.nodes.registerLocalEngine(info, { name: hostname().slice(0, 90), region: this.config.NODE_REGION, runtime: 'docker' });
      return true;
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      this.logger.warn(`The Docker Engine of this machine does not answer yet: ${error.message}`);
      return false;
    }
  }
}
