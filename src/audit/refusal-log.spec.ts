import { randomUUID } from 'node:crypto';
import type { Audit, AuditOrigin, AuditRefusal } from './audit';
import { RefusalLog } from './refusal-log';

type Row = AuditOrigin & AuditRefusal;

describe('the log of refusals', () => {
  const rows: Row[] = [];
  const lost: unknown[] = [];
  let now = 0;
  let isBroken = false;
  const audit: Pick<Audit, 'recordRefusal'> = {
    recordRefusal: (origin, refusal) => {
      if (isBroken) return Promise.reject(new Error('the disk is full'));
      rows.push({ ...origin, ...refusal });
      return Promise.resolve();
    },
  };
  let log: RefusalLog;
  beforeEach(() => {
    rows.length = 0;
    lost.length = 0;
    now = 0;
    isBroken = false;
    log = new RefusalLog(audit, 30, { onLost: (error) => lost.push(error), now: () => now });
  });
  afterEach(() => log.close());

  const ada = { userId: randomUUID(), via: 'session', credentialId: randomUUID() } as const;
  const by = (actor: AuditOrigin['actor'], address = '192.0.2.1'): AuditOrigin => ({ actor, address, requestId: randomUUID() });
  const refusal = (over: Partial<AuditRefusal> = {}): AuditRefusal => ({
    action: 'deployment.delete',
    resourceType: 'deployment',
    resourceId: randomUUID(),
    code: 'not_found',
    givenUsername: null,
    ...over,
  });
  const times = async (count: number, origin: AuditOrigin, over?: Partial<AuditRefusal>): Promise<void> => {
    for (let n = 0; n < count; n++) await log.record(origin, refusal(over));
  };

  it('tells thirty one by one, and the rest of the minute as one row with their number', async () => {
    await times(500, by(ada));
    expect(rows).toHaveLength(30);
    now = 60_000;
    await times(1, by(ada));
    expect(rows).toHaveLength(32);
    expect(rows[30]).toMatchObject({ action: 'deployment.delete', code: 'not_found', resourceId: null, details: { repeats: 470 } });
    expect(rows[31]).not.toHaveProperty('details');
  });

  it('tells all when no limit is set', async () => {
    const whole = new RefusalLog(audit, 0, { onLost: (error) => lost.push(error) });
    for (let n = 0; n < 100; n++) await whole.record(by(ada), refusal());
    await whole.close();
    expect(rows).toHaveLength(100);
  });

  it('sums up each kind', async () => {
    for (let n = 0; n < 100; n++) await times(2, by(ada), { action: `deployment.verb${String(n % 5)}` });
    expect(rows).toHaveLength(30);
    await log.close();
    expect(rows).toHaveLength(35);
    expect(rows.slice(30).reduce((sum, { details }) => sum + Number(details?.repeats), 30)).toBe(200);
  });

  it('counts callers apart, and strangers by their address', async () => {
    await times(40, by(ada));
    await times(40, by({ ...ada, userId: randomUUID() }));
    await times(40, by(null));
    await times(40, by(null, '192.0.2.2'));
    await times(40, by(null, '2001:db8::1'));
    await times(40, by(null, '2001:db8::2'));
    expect(rows).toHaveLength(150);
  });

  it('writes its sums when the process ends, and reports what could not be written', async () => {
    await times(31, by(ada));
    isBroken = true;
    await times(1, by(null));
    await log.close();
    expect(lost).toHaveLength(2);
  });

  it('remembers a bounded number of callers, and loses no sum of those it forgets', async () => {
    await times(35, by(ada));
    for (let n = 0; n < 1_000; n++) await log.record(by({ ...ada, userId: `user-${String(n)}` }), refusal());
    expect(rows.filter(({ details }) => details?.repeats === 5)).toHaveLength(1);
  });
});
