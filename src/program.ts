import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { AdminBootstrap } from './auth/admin-bootstrap';
import { GroupExpiry } from './auth/group-expiry';
import { banner } from './banner';
import { connectPatiently } from './common/outgoing-connections';
import type { AppConfig } from './config/app-config';
import { prepareSecrets } from './common/crypto/kept-secret';
import { parseDatabaseUrl, placeOf } from './config/database-url';
import { createApp } from './create-app';
import { dataSourceOptions } from './data-source-options';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './database/embedded/embedded-postgres';
import { migrate } from './database/migrate';
import { refuseTransactionPooler } from './database/refuse-pooler';
import { sealEnvFromNowOn } from './database/sealing-state';
import { requireSharedSecrets } from './database/shared-secrets';
import { Readiness } from './health/readiness.service';
import { Metrics } from './metrics/metrics';
import { sharedSecrets } from './program-secrets';
import { LoadBalancer } from './routing/load-balancer';
import { servesRoutes } from './routing/router.module';
import { Runtimes } from './runtime/runtimes';
import { describeStartError, listening, refusePortInUse } from './start-errors';

/** Time for load balancers and probes to see "not ready" before the first connection is refused. */
const NOT_READY_MS = 300;
/** How long requests and jobs may take to end by themselves. Then their connections are cut. A stop takes at most 10 s in all. */
const DRAIN_MS = 5_000;
const SWEEP_MS = 100;
const CLOSE_MS = 7_000;
const DATABASE_STOP_MS = 2_500;

/** The process from start to end: database, schema, application, administrator. */
export class Program {
  private embedded: EmbeddedPostgres | undefined;
  private app: NestFastifyApplication | undefined;

  constructor(private readonly config: AppConfig) {}

  /** Resolves with the text to print once requests are answered. Rejects in words, after stopping all that it had started. */
  async start(): Promise<string> {
    try {
      connectPatiently();
      await refusePortInUse(this.config);
      const databaseUrl = await this.openDatabase();
      await this.prepareDatabase(databaseUrl);
      this.app = await createApp(this.config, { databaseUrl });
      this.app.get(Metrics).collectProcessMetrics();
      const administrator = await this.app.get(AdminBootstrap, { strict: false }).ensureAdministrator();
      await this.app.get(GroupExpiry, { strict: false }).forgetUnconfigured();
      const { app } = this;
      await listening(this.config, () => app.listen({ port: this.config.PORT, host: this.config.HOST }));
      return banner(this.config, {
        url: this.config.PUBLIC_URL ?? (await this.url()),
        database: this.databaseWords(),
        runtime: this.app.get(Runtimes, { strict: false }).active,
        router: await this.routerWords(),
        administrator,
      });
    } catch (error) {
      await this.stop();
      throw new Error(describeStartError(error, this.config), { cause: error });
    }
  }

  /** Ends readiness first, then requests and jobs, then the database. False when something had to be cut off. */
  async stop(): Promise<boolean> {
    const { app, embedded } = this;
    let clean = true;
    if (app) {
      app.get(Readiness, { strict: false }).stop();
      await sleep(NOT_READY_MS);
      const server = app.getHttpServer();
      const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      // A connection whose last answer came after the closing began would stay open for its keep-alive time.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      clean = await endsWithin(app.close(), CLOSE_MS);
      clearTimeout(cut);
      clearInterval(sweep);
    }
    if (embedded) clean = (await endsWithin(embedded.stop(), DATABASE_STOP_MS)) && clean;
    return clean;
  }

  private async openDatabase(): Promise<string> {
    if (this.config.DATABASE_URL !== undefined) {
      prepareSecrets(sharedSecrets(this.config).filter(({ given }) => given === undefined));
      await refuseTransactionPooler(this.config.DATABASE_URL);
      return this.config.DATABASE_URL;
    }
    this.embedded = await startEmbeddedPostgres({
      dataDir: this.config.DATA_DIR,
      onProgress: (message) => process.stdout.write(`${message}\n`),
    });
    return this.embedded.url;
  }

  /** Brings the schema up to date, and refuses to go on with other secrets than the other processes have. */
  private async prepareDatabase(url: string): Promise<void> {
    const dataSource = await new DataSource(dataSourceOptions({ url, poolSize: 2, applicationName: 'fog-compute-migrate' })).initialize();
    try {
      const names = await migrate(dataSource);
      if (names.length > 0) process.stdout.write(`Brought the database up to date: ${String(names.length)} migrations\n`);
      await requireSharedSecrets(dataSource, sharedSecrets(this.config));
      // No other process uses the embedded database, so jobs of a killed process need not wait for their leases to
      // end.
      if (this.embedded) {
        await dataSource.query('UPDATE jobs SET lease_until = NULL WHERE lease_until IS NOT NULL');
        await sealEnvFromNowOn(dataSource.manager);
      }
    } finally {
      await dataSource.destroy();
    }
  }

  /** The address for a browser on this machine, also when the program listens on all addresses. */
  private async url(): Promise<string> {
    const url = (await this.app?.getUrl()) ?? '';
    return url.replace('[::1]', '127.0.0.1').replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//127.0.0.1');
  }

  private async routerWords(): Promise<string | null> {
    if (!servesRoutes(this.config)) return null;
    return (await this.app?.get(LoadBalancer, { strict: false }).words()) ?? null;
  }

  private databaseWords(): string {
    if (this.config.DATABASE_URL === undefined) return `embedded PostgreSQL in ${this.config.DATA_DIR}`;
    return `PostgreSQL at ${placeOf(parseDatabaseUrl(this.config.DATABASE_URL))}`;
  }
}

async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Symbol('late');
  const result = await Promise.race([work.catch((error: unknown) => report(error)), sleep(ms, late, { ref: false })]);
  return result !== late;
}

function report(error: unknown): void {
  process.stderr.write(`While ending: ${error instanceof Error ? error.message : String(error)}\n`);
}
