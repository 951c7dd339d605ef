import { Module, type DynamicModule, type FactoryProvider, type ModuleMetadata } from '@nestjs/common';
import type { AppConfig } from '../config/app-config';
import { HealthController } from './health.controller';
import { ClosedMetricsController, PublicMetricsController } from './metrics.controller';
import { Readiness } from './readiness.service';
import { RUNTIME_STATUS, type ReadRuntimeStatus } from './runtime-status';

/** How the runtime's status is read: a factory, and the modules that export what it injects. */
export type RuntimeStatusSource = Pick<FactoryProvider<ReadRuntimeStatus>, 'inject' | 'useFactory'> & Pick<ModuleMetadata, 'imports'>;

/** What operators and load balancers ask: liveness, readiness and metrics. */
@Module({})
export class HealthModule {
  static of(config: AppConfig, { imports = [], inject = [], useFactory }: RuntimeStatusSource): DynamicModule {
    return {
      module: HealthModule,
      imports,
      controllers: [HealthController, config.METRICS_PUBLIC ? PublicMetricsController : ClosedMetricsController],
      providers: [Readiness, { provide: RUNTIME_STATUS, inject, useFactory }],
      exports: [Readiness],
    };
  }
}
