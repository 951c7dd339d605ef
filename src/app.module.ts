import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import { AccountsApiModule } from './accounts/accounts-api.module';
import { AdminModule } from './admin/admin.module';
import { AgentsApiModule } from './agents/agents-api.module';
import { AuditModule } from './audit/audit.module';
import { AuthModule } from './auth/auth.module';
import { CommandsModule } from './commands/commands.module';
import type { Clock } from './common/clock';
import { ClockModule } from './common/clock.module';
import { CryptoModule } from './common/crypto/crypto.module';
import type { AppConfig } from './config/app-config';
import { ConfigModule } from './config/config.module';
import { dataSourceOptions } from './data-source-options';
import { SealingModule } from './database/sealing.module';
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
import { OrphansApiModule } from './orphans/orphans-api.module';
import { ProjectsApiModule } from './projects/projects-api.module';
import { ReplicaLogsModule } from './replica-logs/replica-logs.module';
import { ReplicaStatsModule } from './replica-stats/replica-stats.module';
import { RestoresApiModule } from './restores/restores-api.module';
import { servesRoutes, RouterModule } from './routing/router.module';
import { RetentionApiModule } from './retention/retention-api.module';
import { RolloutsApiModule } from './rollouts/rollouts-api.module';
import { VolumeRoutesModule } from './volume-routes/volume-routes.module';
import { SecretRoutesModule } from './secret-routes/secret-routes.module';
import { WatchingModule } from './watching/watching.module';
import { WorkerModule } from './worker/worker.module';

/** Whether a process of this role has the routes of the API. */
const answersUsers = ({ ROLE }: AppConfig): boolean => ROLE === 'all' || ROLE === 'api';

/**
 * Longer than the time limit that the server itself puts on a statement; several that are sent together share it. After that the server
 * is taken for gone.
 */
const DATABASE_ANSWERS_WITHIN_MS = 11_000;

export interface AppParts {
  readonly databaseUrl: string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/**
 * Puts the rooms together by role: `api` answers requests, `worker` works in the background, `router` passes requests on to what is
 * deployed, `all` does everything. Every role includes the guard, health and metrics, so no route is left open because a module is
 * missing.
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
        ...dataSourceOptions({
          url: databaseUrl,
          poolSize: config.DATABASE_POOL_SIZE,
          answerTimeoutMs: DATABASE_ANSWERS_WITHIN_MS,
          servesRequests: answersUsers(config),
        }),
        retryAttempts: 3,
        retryDelay: 1_000,
      }),
      SealingModule,
      MetricsModule,
      JobsModule,
      EventsModule,
      IdempotencyModule,
      AuditModule,
      CommandsModule,
      AuthModule,
      HealthModule.of(config),
    ];
    const api = !answersUsers(config)
      ? []
      : [
          AccountsApiModule,
          NodesApiModule,
          AgentsApiModule,
          DeploymentsApiModule,
          DeletionsApiModule,
          RolloutsApiModule,
          RestoresApiModule,
          OperationsApiModule,
          OrphansApiModule,
          ReplicaLogsModule,
          ReplicaStatsModule,
          ProjectsApiModule,
          SecretRoutesModule,
          VolumeRoutesModule,
          RetentionApiModule,
          EventsApiModule,
          WatchingModule,
          NotificationsApiModule,
          AdminModule,
        ];
    const worker = config.ROLE === 'all' || config.ROLE === 'worker' ? [WorkerModule] : [];
    const router = servesRoutes(config) ? [RouterModule.of(config)] : [];
    return { module: AppModule, imports: [...common, ...api, ...worker, ...router] };
  }
}
