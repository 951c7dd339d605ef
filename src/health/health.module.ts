import { Module, type DynamicModule } from '@nestjs/common';
import type { AppConfig } from '../config/app-config';
import { RuntimeModule } from '../runtime/runtime.module';
import { HealthController } from './health.controller';
import { ClosedMetricsController, PublicMetricsController } from './metrics.controller';
import { Readiness } from './readiness.service';

/** Liveness, readiness and metrics, for operators and load balancers. */
@Module({})
export class HealthModule {
  static of(config: AppConfig): DynamicModule {
    return {
      module: HealthModule,
      imports: [RuntimeModule],
      controllers: [HealthController, config.METRICS_PUBLIC ? PublicMetricsController : ClosedMetricsController],
      providers: [Readiness],
      exports: [Readiness],
    };
  }
}
