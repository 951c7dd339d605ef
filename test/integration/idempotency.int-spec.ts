import { DataSource } from 'typeorm';
import { DomainError } from '../../src/common/problem/domain-error';
import type { IdempotencyClaim } from '../../src/common/request-context';
import { run } from '../../src/database/statement';
import { inTransaction } from '../../src/database/transaction';
import { dataSourceOptions } from '../../src/data-source-options';
import { IdempotencyRepository } from '../../src/idempotency/idempotency.repository';
import { IdempotencyService, type KeptOutcome } from '../../src/idempotency/idempotency.service';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const request = { method: 'POST', url: '/api/things', body: { name: 'a', tags: [1, { x: 1, y: 2 }] } };
const answer = { status: 201, body: { id: 'one', token: 'fog_one-time-secret' }, location: '/api/things/one' };
const present = (): typeof answer => answer;

describe('IdempotencyService', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let service: IdempotencyService;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await new DataSource(dataSourceOptions({ url: database.url })).initialize();
    service = new IdempotencyService(new IdempotencyRepository(dataSource));
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const claim = async (scope: string, key: string, from = request): Promise<IdempotencyClaim> => {
    const taken = await service.claim({ scope, key, present }, from);
    if (!('claim' in taken)) throw new Error('replayed');
    return taken.claim;
  };
  const outcome = async (scope: string, key: string): Promise<KeptOutcome> => {
    const taken = await service.claim({ scope, key, present }, request);
    if (!('outcome' in taken)) throw new Error('claimed');
    return taken.outcome;
  };
  const store = (held: IdempotencyClaim): Promise<void> => inTransaction(dataSource, (tx) => run(tx, service.storing(held, answer)));

  it('replays an answer that was committed with the work, as after a crash before it was sent', async () => {
    await store(await claim('ada', 'k1'));
    expect(await outcome('ada', 'k1')).toEqual({ kind: 'answer', ...answer });
  });

  it('forgets an answer whose transaction was rolled back', async () => {
    const held = await claim('ada', 'k2');
    await expect(
      inTransaction(dataSource, async (tx) => {
        await run(tx, service.storing(held, answer));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await service.fail(held, new Error('no'));
    await claim('ada', 'k2');
  });

  it('knows a request again whatever the order of its keys, and refuses another one', async () => {
    await service.complete(await claim('ada', 'k3'), answer);
    const again = { ...request, body: { tags: [1, { y: 2, x: 1 }], name: 'a' } };
    expect(await service.claim({ scope: 'ada', key: 'k3', present }, again)).toHaveProperty('outcome');
    for (const other of [
      { ...request, body: { ...request.body, name: 'b' } },
      { ...request, url: '/api/things?dry_run=true' },
      { ...request, method: 'DELETE' },
      { ...request, body: { ...request.body, tags: ['array', 1, { x: 1, y: 2 }] } },
    ]) {
      await expect(service.claim({ scope: 'ada', key: 'k3', present }, other)).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    }
  });

  it('keeps the keys of users apart', async () => {
    await service.complete(await claim('ada', 'k4'), answer);
    await claim('eve', 'k4');
  });

  it('throws a lasting refusal again and frees the key after a passing one', async () => {
    const refusal = new DomainError('already_exists', 'Taken', { members: { since: 'then' } });
    await service.fail(await claim('ada', 'k5'), refusal);
    const kept = await outcome('ada', 'k5');
    expect(kept.kind === 'refusal' && [kept.error.code, kept.error.detail, kept.error.extensions]).toEqual([
      'already_exists',
      'Taken',
      { members: { since: 'then' } },
    ]);

    for (const error of [
      new DomainError('try_again', 'x'),
      new DomainError('rate_limited', 'x'),
      new DomainError('insufficient_nodes', 'x'),
      new Error('x'),
    ]) {
      await service.fail(await claim('ada', 'k6'), error);
    }
  });

  it('never gives up an answer that was committed, whatever fails afterwards', async () => {
    const held = await claim('ada', 'k7');
    await store(held);
    await service.fail(held, new Error('the socket broke'));
    expect(await outcome('ada', 'k7')).toEqual({ kind: 'answer', ...answer });
  });

  it('lets one of many take a key, and the others wait for its answer', async () => {
    const taken = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const result = await service.claim({ scope: 'ada', key: 'k8', present }, request);
        if ('claim' in result) await service.complete(result.claim, answer);
        return 'claim' in result;
      }),
    );
    expect(taken.filter(Boolean)).toHaveLength(1);
  });

  it('refuses after five seconds while the first request still runs', async () => {
    await claim('ada', 'k9');
    await expect(service.claim({ scope: 'ada', key: 'k9', present }, request)).rejects.toMatchObject({
      code: 'idempotency_in_progress',
      extensions: { retryAfterSeconds: 2 },
    });
  });

  it('hands a dead holder’s key on, and the dead one can no longer decide', async () => {
    const dead = await claim('ada', 'k10');
    await dataSource.query(`UPDATE idempotency_keys SET lease_until = now() - interval '1 second' WHERE claim = $1`, [dead.claim]);
    const heir = await claim('ada', 'k10');
    await expect(store(dead)).rejects.toMatchObject({ code: 'idempotency_in_progress' });
    await store(heir);
  });

  it('stores neither the key nor the answer in clear', async () => {
    await service.complete(await claim('ada', 'very-visible-key'), answer);
    const [{ dump }] = await dataSource.query<[{ dump: string }]>(
      `SELECT string_agg(k::text || ' ' || encode(answer_sealed, 'escape'), ' ') AS dump FROM idempotency_keys k WHERE answer_sealed IS NOT NULL`,
    );
    expect(dump).not.toMatch(/very-visible-key|one-time-secret/);
  });

  it('takes an expired key as new, and purges in batches', async () => {
    await service.complete(await claim('ada', 'k11'), answer);
    await dataSource.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours'`);
    await claim('ada', 'k11');
    const [{ old }] = await dataSource.query<[{ old: number }]>(
      `SELECT count(*)::int AS old FROM idempotency_keys WHERE created_at < now() - interval '24 hours'`,
    );
    expect(old).toBeGreaterThan(3);
    expect(await service.purgeExpiredKeys()).toBe(old);
    expect(await service.purgeExpiredKeys()).toBe(0);
  });
});
