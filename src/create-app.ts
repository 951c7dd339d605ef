import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { DestinationStream } from 'pino';
import { AppModule } from './app.module';
import { holdBackLateAnswers } from './auth/late-answers';
import { Audit } from './audit/audit';
import { recordRefusals } from './audit/record-refusals';
import { Standing } from './commands/standing';
import type { Clock } from './common/clock';
import { commaList } from './common/comma-list';
import { readForwardedAddresses } from './common/http/client-address';
import { allowOrigins } from './common/http/cors';
import { answerInsteadOfNode } from './common/http/node-answers';
import { serveUpgrades } from './common/http/upgrades';
import { securityHeaders } from './common/http/security-headers';
import { connectPatiently } from './common/outgoing-connections';
import { ProblemFilter } from './common/problem/problem.filter';
import { acceptOnlyJson } from './common/validation/json-body';
import { RequestPipe } from './common/validation/request.pipe';
import type { AppConfig } from './config/app-config';
import { readDatabaseError } from './database-errors';
import { openDoor } from './door';
import { fastifyOptions } from './fastify-options';
import { createLogger } from './logging/logger';
import { QuietLogger } from './logging/quiet-logger';
import { logRequests } from './logging/request-log';
import { measureHttp } from './metrics/http-metrics';
import { Metrics } from './metrics/metrics';
import { serveDocs } from './openapi/document';
import { AddressRateLimit } from './rate-limits/address-rate-limit';

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
  connectPatiently();
  const logger = createLogger(config, { tty: process.stdout.isTTY, ...(options.logStream ? { stream: options.logStream } : {}) });
  const problems = new ProblemFilter(readDatabaseError);
  const adapter = new FastifyAdapter(fastifyOptions(config, problems));

  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.of(config, { databaseUrl, logger, ...(options.clock ? { clock: options.clock } : {}) }),
    adapter,
    // What fails is told in words by the caller; logs that were collected until then would tell it as a stack first.
    { bodyParser: false, bufferLogs: true, autoFlushLogs: false, abortOnError: false },
  );
  app.useLogger(app.get(QuietLogger, { strict: false }));
  app.flushLogs();
  app.setGlobalPrefix('api', { exclude: ['health/{*path}', 'metrics'] });
  app.useGlobalFilters(problems);
  app.useGlobalPipes(new RequestPipe());

  const fastify = app.getHttpAdapter().getInstance();
  acceptOnlyJson(fastify);
  readForwardedAddresses(fastify);
  await addHeaders(fastify);
  // Before all that may refuse, so that a page can read the refusal.
  await allowOrigins(fastify, commaList(config.CORS_ORIGINS));
  logRequests(fastify, logger);
  measureHttp(fastify, app.get(Metrics));
  holdBackLateAnswers(fastify, app.get(Standing, { strict: false }));
  answerInsteadOfNode(fastify);
  serveUpgrades(fastify);
  recordRefusals(fastify, app.get(Audit), {
    perMinute: config.AUDIT_REFUSALS_PER_MINUTE,
    onLost: lostRefusals(app.get(Metrics)),
  });
  app.get(AddressRateLimit, { strict: false }).guard(fastify);
  openDoor(fastify, config);
  serveDocs(app, config.PUBLIC_URL);
  await app.init();
  await fastify.ready();
  return app;
}

/** Counts the refusals that could not be written to the audit log. */
function lostRefusals(metrics: Metrics): () => void {
  const lost = metrics.counter({ name: 'fog_audit_refusals_lost_total', help: 'Refusals that could not be written to the audit log.' });
  return () => lost.inc();
}

/** Adds the request id to every answer and forbids caching, since nearly all answers belong to one user and one moment. */
async function addHeaders(fastify: FastifyInstance): Promise<void> {
  const forDocs = await securityHeaders();
  const forAll = { ...forDocs, 'cache-control': 'no-store' };
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(request.url.startsWith('/docs') ? forDocs : forAll).header('x-request-id', request.id);
    done();
  });
}
