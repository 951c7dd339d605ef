import type { DataSource } from 'typeorm';
import type { AuditRetention } from '../audit/audit-retention';
import type { IdempotencyService } from '../idempotency/idempotency.service';
import type { ClaimedJob } from '../jobs/job-kinds';
import type { NotificationUpkeep } from '../notifications/notification-upkeep';
import type { OperationsRepository } from '../operations/operations.repository';
import type { FleetBootstrap } from '../reconciler/fleet-bootstrap';
import { MaintenanceHandler } from './maintenance.handler';
import type { ResyncRepository } from '../reconciler/resync.repository';

const JOB: ClaimedJob = { id: '1', kind: 'maintenance', key: 'all', attempts: 0, wishes: '1', claim: 'claim' };
const CHORES = ['register', 'nodes', 'unsettled', 'keys', 'credentials', 'audit', 'notifications', 'operations'];

describe('the maintenance', () => {
  let done: Set<string>;
  let doing: (chore: string) => void;
  const chore = (name: string) => (): Promise<number> => {
    done.add(name);
    doing(name);
    return Promise.resolve(0);
  };
  const handle = (signal: AbortSignal): Promise<unknown> =>
    new MaintenanceHandler(
      { manager: { query: () => chore('credentials')().then(() => [[], 0]) } } as unknown as DataSource,
      { registerOwnNodes: chore('register') } as unknown as FleetBootstrap,
      { enqueueNodes: chore('nodes'), enqueueUnsettled: chore('unsettled') } as unknown as ResyncRepository,
      { purgeExpiredKeys: chore('keys') } as unknown as IdempotencyService,
      { purge: chore('audit') } as unknown as AuditRetention,
      { run: chore('notifications') } as unknown as NotificationUpkeep,
      { upkeep: chore('operations') } as unknown as OperationsRepository,
    ).handle(JOB, signal);
  beforeEach(() => {
    done = new Set();
    doing = () => undefined;
  });

  it('does every chore, and comes back', async () => {
    expect(await handle(new AbortController().signal)).toEqual({ kind: 'again', afterMs: 30_000 });
    expect([...done]).toEqual(CHORES);
  });

  it('does the chores after one that always fails, and says which failed', async () => {
    doing = (name) => {
      if (name === 'register' || name === 'audit') throw new Error(`no ${name} today`);
    };
    const words = 'Not done: registration of own nodes (no register today), purge of the audit log (no audit today)';
    await expect(handle(new AbortController().signal)).rejects.toThrow(words);
    expect([...done]).toEqual(CHORES);
  });

  it('begins no other chore when the process ends', async () => {
    const stop = new AbortController();
    doing = (name) => {
      if (name === 'unsettled') stop.abort(new Error('The process is ending'));
    };
    await expect(handle(stop.signal)).rejects.toThrow('The process is ending');
    expect([...done]).toEqual(CHORES.slice(0, 3));
  });
});
