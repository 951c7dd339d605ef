import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import { AdminModule } from './admin/admin.module';
import { AuditModule } from './audit/audit.module';
import { AuthModule } from './auth/auth.module';
import { CommandsModule } from './commands/commands.module';
import type { Clock } from './common/clock';
import { ClockModule } from './common/clock.module';
import { CryptoModule } from './common/crypto/crypto.module';
import type { AppConfig } from './config/app-config';
import { ConfigModule } from './config/config.module';
import { dataSourceOptions } from './data-source-options';
import { DeletionsApiModule } from './deletions/deletions-api.module';
import { DeploymentsApiModule } from './deployments/deployments-api.module';
import { EventsApiModule } from './events/events-api.module';
import { EventsModule } from './events/events.module';
import { HealthModule } from './health/health.module';
import { IdempotencyModule } from './idempotency/idempotency.module';
import { JobsModule } from './jobs/jobs.module';
import { LoggingModule } from './logging/logging.module';
import { MetricsModule } from './metrics/metrics.module';
import { NodesApiModule } from './nodes/nodes-api.module';
import { NotificationsApiModule } from './notifications/notifications-api.module';
import { OperationsApiModule } from './operations/operations-api.module';
import { ReplicaLogsModule } from './replica-logs/replica-logs.module';
import { RestoresApiModule } from './restores/restores-api.module';
import { RetentionApiModule } from './retention/retention-api.module';
import { WorkerModule } from './worker/worker.module';

/** Longer than the time limit that the server itself puts on a statement. After that the server is taken for gone. */
const DATABASE_ANSWERS_WITHIN_MS = 11_000;

export interface AppParts {
  readonly databaseUrl: string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/**
 * Puts the rooms together by role: `api` answers requests, `worker` works in the background, `all` does both. Every
 * role includes the guard, health and metrics, so no route is left open because a module is missing.
 */
@Module({})
export class AppModule {
  static of(config: AppConfig, { databaseUrl, logger, clock }: AppParts): DynamicModule {
    const common = [
      ConfigModule.of(config),
      ClockModule.of(clock),
      CryptoModule.of(config),
      LoggingModule.of(logger),
      TypeOrmModule.forRoot({
        ...dataSourceOptions({ url: databaseUrl, poolSize: config.DATABASE_POOL_SIZE, answerTimeoutMs: DATABASE_ANSWERS_WITHIN_MS }),
        retryAttempts: 3,
        retryDelay: 1_000,
      }),
      MetricsModule,
      JobsModule,
      EventsModule,
      IdempotencyModule,
      AuditModule,
      CommandsModule,
      AuthModule,
      HealthModule.of(config),
    ];
    const api =
      config.ROLE === 'worker'
        ? []
        : [
            NodesApiModule,
            DeploymentsApiModule,
            DeletionsApiModule,
            RestoresApiModule,
            OperationsApiModule,
            ReplicaLogsModule,
            RetentionApiModule,
            EventsApiModule,
            NotificationsApiModule,
            AdminModule,
          ];
    const worker = config.ROLE === 'api' ? [] : [WorkerModule];
    return { module: AppModule, imports: [...common, ...api, ...worker] };
  }
}
