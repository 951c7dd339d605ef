import type { Client } from '../support/client';
import type { CrashDatabase } from '../support/crash-database';
import { adminOf, startProcess, type Environment, type ProcessUnderTest } from '../support/process-under-test';

/** What is killed: one of the three, or all of them at the same moment. */
export const VICTIMS = ['api', 'worker', 'database', 'everything'] as const;
export type Victim = (typeof VICTIMS)[number];

type Role = 'api' | 'worker';

/** An API and a worker on a database server, of which any can be killed and started again. */
export class CrashFleet {
  readonly kills: Record<Victim, number> = { api: 0, worker: 0, database: 0, everything: 0 };

  private constructor(
    private readonly server: CrashDatabase,
    private readonly env: Environment,
    private readonly processes: Record<Role, ProcessUnderTest>,
    private admin: Client,
  ) {}

  static async start(server: CrashDatabase, databaseUrl: string): Promise<CrashFleet> {
    const env = { DATABASE_URL: databaseUrl, SIMULATED_DELAY_MS: '100', LOG_LEVEL: 'warn' };
    const [api, worker] = await Promise.all([startProcess({ ...env, ROLE: 'api' }), startProcess({ ...env, ROLE: 'worker' })]);
    return new CrashFleet(server, env, { api, worker }, await adminOf(api));
  }

  /** A client of the current API, whose address changes when it is killed. */
  get client(): Client {
    return this.admin;
  }

  /** Kills it at once and resolves when all three are ready again. */
  async kill(victim: Victim): Promise<void> {
    const roles = (['api', 'worker'] as const).filter((role) => victim === role || victim === 'everything');
    const withDatabase = victim === 'database' || victim === 'everything';
    this.kills[victim]++;
    const ends = roles.map((role) => this.processes[role].kill('SIGKILL'));
    if (withDatabase) this.server.crash();
    await Promise.all(ends);
    if (withDatabase) await this.server.restart();
    await Promise.all(roles.map((role) => this.start(role)));
  }

  /** The processes that still run. Others must not end because one was killed. */
  get survivors(): readonly Role[] {
    return (['api', 'worker'] as const).filter((role) => this.processes[role].isAlive);
  }

  async stop(): Promise<void> {
    await Promise.all([this.processes.api.kill('SIGKILL'), this.processes.worker.kill('SIGKILL')]);
  }

  private async start(role: Role): Promise<void> {
    this.processes[role] = await startProcess({ ...this.env, ROLE: role });
    if (role === 'api') this.admin = this.admin.at(this.processes.api.url);
  }
}
