import type { DataSource } from 'typeorm';
import type { AuditRetention } from '../audit/audit-retention';
import type { GroupExpiry } from '../auth/group-expiry';
import type { IdempotencyService } from '../idempotency/idempotency.service';
import type { ClaimedJob } from '../jobs/job-kinds';
import type { NotificationUpkeep } from '../notifications/notification-upkeep';
import type { ChecksRepository } from '../checks/checks.repository';
import type { ClockWatch, ClockLook } from '../database/clock-watch';
import type { OperationsRepository } from '../operations/operations.repository';
import type { SightingsRepository } from '../orphans/sightings.repository';
import type { FleetBootstrap } from '../reconciler/fleet-bootstrap';
import type { EnvSealing } from './env-sealing';
import type { PortCounting } from './port-counting';
import { MaintenanceHandler } from './maintenance.handler';
import type { ResyncRepository } from '../reconciler/resync.repository';
import type { VolumesRepository } from '../volumes/volumes.repository';
import type { StepBack } from './step-back';

const JOB: ClaimedJob = { id: '1', kind: 'maintenance', key: 'all', attempts: 0, wishes: '1', claim: 'claim' };
const CHORES = [
  'clock',
  'register',
  'nodes',
  'unsettled',
  'checks',
  'volumes',
  'notifications',
  'operations',
  'routes',
  'encryption',
  'ports',
];
const REMOVALS = ['keys', 'credentials', 'groups', 'audit', 'old events', 'old orphans', 'old operations'];

describe('the maintenance', () => {
  let done: Set<string>;
  let doing: (chore: string) => void;
  let look: ClockLook;
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
      { run: chore('notifications'), removeOld: chore('old events') } as unknown as NotificationUpkeep,
      { enqueueLost: chore('operations'), removeOld: chore('old operations') } as unknown as OperationsRepository,
      { enqueueLost: chore('checks') } as unknown as ChecksRepository,
      { sightRoutes: chore('routes'), removeOld: chore('old orphans') } as unknown as SightingsRepository,
      {
        look: () => chore('clock')().then(() => look),
        mayRemove: () => Promise.resolve(look.stepSeconds === null),
      } as unknown as ClockWatch,
      { repair: chore('repair') } as unknown as StepBack,
      { run: chore('encryption') } as unknown as EnvSealing,
      { forgetOld: chore('groups') } as unknown as GroupExpiry,
      { run: chore('ports') } as unknown as PortCounting,
      { enqueueRemovals: chore('volumes') } as unknown as VolumesRepository,
    ).handle(JOB, signal);
  beforeEach(() => {
    done = new Set();
    look = { wentBack: false, stepSeconds: null };
    doing = () => undefined;
  });

  it('does every chore, and comes back', async () => {
    expect(await handle(new AbortController().signal)).toEqual({ kind: 'again', afterMs: 30_000 });
    expect([...done]).toEqual([...CHORES, ...REMOVALS]);
  });

  it('removes nothing while a step of the clock is not confirmed, and does all else', async () => {
    look = { wentBack: false, stepSeconds: 34_560_000 };
    await handle(new AbortController().signal);
    expect([...done]).toEqual(CHORES);
  });

  it('brings forward what is due too late when the clock was set back', async () => {
    look = { wentBack: true, stepSeconds: null };
    await handle(new AbortController().signal);
    expect([...done].slice(0, 3)).toEqual(['clock', 'repair', 'register']);
  });

  it('does the chores after one that always fails, and says which failed', async () => {
    doing = (name) => {
      if (name === 'register' || name === 'audit') throw new Error(`no ${name} today`);
    };
    const words = 'Not done: registration of own nodes (no register today), purge of the audit log (no audit today)';
    await expect(handle(new AbortController().signal)).rejects.toThrow(words);
    expect([...done]).toEqual([...CHORES, ...REMOVALS]);
  });

  it('begins no other chore when the process ends', async () => {
    const stop = new AbortController();
    doing = (name) => {
      if (name === 'unsettled') stop.abort(new Error('The process is ending'));
    };
    await expect(handle(stop.signal)).rejects.toThrow('The process is ending');
    expect([...done]).toEqual(CHORES.slice(0, 4));
  });
});
