import helmet from '@fastify/helmet';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { DestinationStream } from 'pino';
import { AppModule } from './app.module';
import { AddressLimit } from './auth/address-limit';
import type { Clock } from './common/clock';
import { answerInsteadOfNode } from './common/http/node-answers';
import { ProblemFilter } from './common/problem/problem.filter';
import { acceptOnlyJson } from './common/validation/json-body';
import { RequestPipe } from './common/validation/request.pipe';
import type { AppConfig } from './config/app-config';
import { readDatabaseError } from './database-errors';
import { fastifyOptions } from './fastify-options';
import { createLogger } from './logging/logger';
import { QuietLogger } from './logging/quiet-logger';
import { logRequests } from './logging/request-log';
import { measureHttp } from './metrics/http-metrics';
import { Metrics } from './metrics/metrics';
import { serveDocs } from './openapi/document';

export interface AppOptions {
  /** The database to use; the embedded one has an address only once it runs. Default: DATABASE_URL. */
  readonly databaseUrl?: string;
  readonly clock?: Clock;
  /** Where the log goes; default: standard output, coloured when that is a terminal. */
  readonly logStream?: DestinationStream;
}

/** The whole application, initialised but not listening. Throws when a part of it cannot start. */
export async function createApp(config: AppConfig, options: AppOptions = {}): Promise<NestFastifyApplication> {
  const databaseUrl = options.databaseUrl ?? config.DATABASE_URL;
  if (databaseUrl === undefined) throw new Error('There is no database to connect to');
  const logger = createLogger(config, { tty: process.stdout.isTTY, ...(options.logStream ? { stream: options.logStream } : {}) });
  const problems = new ProblemFilter(readDatabaseError);
  const adapter = new FastifyAdapter(fastifyOptions(config, problems));

  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.of(config, { databaseUrl, logger, ...(options.clock ? { clock: options.clock } : {}) }),
    adapter,
    { bodyParser: false, bufferLogs: true, abortOnError: false },
  );
  app.useLogger(app.get(QuietLogger, { strict: false }));
  app.setGlobalPrefix('api', { exclude: ['health/{*path}', 'metrics'] });
  app.useGlobalFilters(problems);
  app.useGlobalPipes(new RequestPipe());

  const fastify = app.getHttpAdapter().getInstance();
  acceptOnlyJson(fastify);
  addHeaders(fastify);
  logRequests(fastify, logger);
  measureHttp(fastify, app.get(Metrics));
  answerInsteadOfNode(fastify);
  app.get(AddressLimit, { strict: false }).guard(fastify);
  await protectBrowsers(app);
  serveDocs(app);
  await app.init();
  await fastify.ready();
  return app;
}

/** Every answer carries the request id; none is kept by a cache, since nearly all belong to one user and one moment. */
function addHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Request-Id', request.id);
    if (!request.url.startsWith('/docs')) reply.header('Cache-Control', 'no-store');
    done();
  });
}

/**
 * `upgrade-insecure-requests` left Swagger UI blank over plain HTTP on any address but loopback, and HSTS is for whoever
 * terminates TLS, so both stay off.
 */
async function protectBrowsers(app: NestFastifyApplication): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    strictTransportSecurity: false,
  });
}
