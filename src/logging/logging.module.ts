import { Module, type DynamicModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import type { Logger } from 'pino';
import { QuietLogger } from './quiet-logger';

/** Nest's own logger on our pino. Requests are logged by hooks (request-log.ts), which know the route; hence no routes here. */
@Module({})
export class LoggingModule {
  static of(logger: Logger): DynamicModule {
    return {
      module: LoggingModule,
      imports: [LoggerModule.forRoot({ pinoHttp: { logger, autoLogging: false }, forRoutes: [] })],
      providers: [QuietLogger],
      exports: [QuietLogger],
    };
  }
}
