import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimedJob } from '../../src/jobs/job-kinds';
import { OperationsRepository } from '../../src/operations/operations.repository';
import { RunOperationHandler } from '../../src/operations/run-operation.handler';
import { finishTeardowns } from '../support/deployments';
import { QueryTap } from '../support/query-tap';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

let t: TestApp;
let tap: QueryTap;
let node: string;
beforeAll(async () => {
  // Without a worker, so that the tests decide when an operation goes on.
  t = await startTestApp({ env: { ROLE: 'api', BULK_DELETE_MAX_SHARE_PERCENT: '100' } });
  tap = new QueryTap(t.dataSource);
  node = await aNode(t.dataSource, { cpu_cores: 1000, memory_mb: 1_000_000, storage_gb: 10_000 });
});
afterEach(() => finishTeardowns(t.dataSource));
afterAll(() => t?.close());

const handler = (): RunOperationHandler => t.app.get(RunOperationHandler, { strict: false });
const jobOf = (key: string): ClaimedJob => ({ id: '1', kind: 'operation.run', key, attempts: 0, wishes: '1', claim: randomUUID() });
/** Until the job of the operation is done: each call of the handler is one turn. */
async function run(id: string, signal = new AbortController().signal): Promise<void> {
  for (;;) {
    const { kind } = await handler().handle(jobOf(id), signal);
    if (kind === 'done') return;
    signal.throwIfAborted();
  }
}

const deployments = (count: number): Promise<string[]> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), target_replicas: 2 });
      for (const status of ['running', 'pending']) await aPlacedReplica(t.dataSource, { deployment_id: id, node_id: node, status });
      return id;
    }),
  );
const bulkDelete = async (ids: readonly string[], over: object = {}): Promise<string> =>
  (
    await t
      .as('ada')
      .post('/api/deployment/bulk-delete')
      .send({ ids, wait: 0, ...over })
      .expect(202)
  ).body.operation_id as string;
const openRestore = async (): Promise<string | undefined> => {
  const open = `SELECT id FROM operations WHERE kind = 'bulk_restore' AND finished_at IS NULL`;
  return (await t.dataSource.query<{ id: string }[]>(open))[0]?.id;
};
const states = (id: string): Promise<{ state: string; n: number }[]> =>
  t.dataSource.query(`SELECT state, count(*)::int AS n FROM operation_items WHERE operation_id = $1 GROUP BY state ORDER BY state`, [id]);
const deletedOf = async (ids: readonly string[]): Promise<number> =>
  (await t.dataSource.query<unknown[]>(`SELECT id FROM deployments WHERE id = ANY($1) AND status = 'deleted'`, [ids])).length;

describe('a bulk deletion', () => {
  it('takes the same number of statements for 2 and for 40 deployments', async () => {
    const counts: number[] = [];
    for (const count of [2, 40]) {
      const id = await bulkDelete(await deployments(count));
      counts.push((await tap.statements(() => run(id))).filter(({ sql }) => !sql.includes('pg_notify')).length);
      expect(await states(id)).toEqual([{ state: 'deleted', n: count }]);
    }
    expect(counts[1]).toBe(counts[0]);
  });

  it('goes on where a process was interrupted, and deletes nothing twice', async () => {
    const ids = await deployments(60);
    const id = await bulkDelete(ids);
    const ending = new AbortController();
    ending.abort(new Error('The process is ending'));
    await expect(run(id, ending.signal)).rejects.toThrow('The process is ending');
    expect(await states(id)).toEqual([
      { state: 'deleted', n: 50 },
      { state: 'pending', n: 10 },
    ]);
    expect(await deletedOf(ids)).toBe(50);

    await Promise.all([run(id), run(id)]);
    expect(await states(id)).toEqual([{ state: 'deleted', n: 60 }]);
    expect(await t.dataSource.query(`SELECT id FROM deletions WHERE deployment_id = ANY($1)`, [ids])).toHaveLength(60);
    expect((await t.as('ada').get(`/api/operations/${id}`).expect(200)).body).toMatchObject({ status: 'completed', deleted: 60 });
  });

  it('deletes nothing when what became of the deployments cannot be recorded', async () => {
    const ids = await deployments(3);
    const id = await bulkDelete(ids);
    const breaking = tap.while(
      ({ sql }) => {
        if (sql.includes('UPDATE operation_items')) throw new Error('a planted fault');
        return undefined;
      },
      () => run(id),
    );
    await expect(breaking).rejects.toThrow('a planted fault');
    expect(await deletedOf(ids)).toBe(0);
    await run(id);
    expect(await deletedOf(ids)).toBe(3);
  });

  it('of all or nothing leaves everything as it was when one is refused after the others were written', async () => {
    const ids = await deployments(5);
    const id = await bulkDelete([...ids, randomUUID()], { all_or_nothing: true });
    await run(id);
    expect(await states(id)).toEqual([
      { state: 'cancelled', n: 5 },
      { state: 'refused', n: 1 },
    ]);
    expect(await deletedOf(ids)).toBe(0);
  });

  it('gets a job again when its job was lost', async () => {
    const id = await bulkDelete(await deployments(1));
    await t.dataSource.query(`DELETE FROM jobs WHERE kind = 'operation.run'`);
    await t.app.get(OperationsRepository, { strict: false }).enqueueLost(t.dataSource.manager);
    expect(await t.dataSource.query(`SELECT key FROM jobs WHERE kind = 'operation.run'`)).toEqual([{ key: id }]);
    await run(id);
  });
});

describe('a user who is switched off', () => {
  const setActive = (isActive: boolean): Promise<unknown> =>
    t.dataSource.query(`UPDATE users SET is_active = $1 WHERE username = 'ada'`, [isActive]);

  it('while a step waits for a lock gets nothing of that step, and the operation says so', async () => {
    const ids = await deployments(3);
    const id = await bulkDelete(ids);
    let isOff = false;
    const switchingOff = tap.while(
      async ({ sql }) => {
        if (!isOff && sql.includes('INSERT INTO deletions')) {
          isOff = true;
          await setActive(false);
        }
        return undefined;
      },
      () => run(id),
    );
    try {
      await switchingOff;
    } finally {
      await setActive(true);
    }
    expect(await deletedOf(ids)).toBe(0);
    expect((await t.as('ada').get(`/api/operations/${id}`).expect(200)).body).toMatchObject({
      status: 'cancelled',
      deleted: 0,
      cancelled: 3,
    });
  });

  it('after the last decision changes nothing: the operation was completed with it', async () => {
    const ids = await deployments(2);
    const id = await bulkDelete(ids);
    await run(id);
    await setActive(false);
    try {
      await run(id);
      expect(await t.dataSource.query(`SELECT status FROM operations WHERE id = $1`, [id])).toEqual([{ status: 'completed' }]);
    } finally {
      await setActive(true);
    }
    await t.as('ada').post(`/api/operations/${id}/cancel`).expect(409);
  });
});

describe('the turns of operations', () => {
  it('give a user one place of a process, and those of other users are not kept waiting', async () => {
    const [first, second] = [await bulkDelete(await deployments(1)), await bulkDelete(await deployments(1))];
    const eves = await aDeployment(t.dataSource, { user_id: await t.userId('eve') });
    const { body } = await t
      .as('eve')
      .post('/api/deployment/bulk-delete')
      .send({ ids: [eves], wait: 0 })
      .expect(202);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let isHeld = false;
    await tap.while(
      async ({ sql }) => {
        if (isHeld || !sql.includes('INSERT INTO deletions')) return undefined;
        isHeld = true;
        await released;
        return undefined;
      },
      async () => {
        const holding = run(first);
        await until(() => isHeld);
        const signal = new AbortController().signal;
        expect(await handler().handle(jobOf(second), signal)).toEqual({ kind: 'again', afterMs: 250 });
        expect(await handler().handle(jobOf(String(body.operation_id)), signal)).toEqual({ kind: 'done' });
        release();
        await holding;
      },
    );
    await run(second);
  });

  it('are not needed by an operation that concerns nothing', async () => {
    const { body } = await t
      .as('ada')
      .post('/api/deployment/bulk-delete')
      .send({ filter: { name: 'no deployment has this name' } })
      .expect(200);
    expect(body).toMatchObject({ status: 'completed', total: 0 });
    expect(await t.dataSource.query(`SELECT 1 FROM jobs WHERE key = $1`, [body.operation_id])).toEqual([]);
  });
});

describe('a bulk restore', () => {
  it('is waited for without reading all of its items after each of them, and locks its row once a step', async () => {
    const deletion = await bulkDelete(await deployments(8));
    await run(deletion);
    const statements = await tap.statements(async () => {
      const waiting = t.as('ada').post('/api/deployment/bulk-restore').send({ operation_id: deletion, wait: 60 }).expect(200);
      const [answer] = await Promise.all([waiting, until(() => openRestore()).then((id) => run(id))]);
      expect(answer.body).toMatchObject({ status: 'completed', restored: 8 });
    });
    const sent = (part: string): number => statements.filter(({ sql }) => sql.includes(part)).length;
    expect(sent('ORDER BY i.position')).toBe(2); // for the answer that is kept for repeats, and at the end
    expect(sent('FOR UPDATE OF o')).toBe(9); // of the deletion that it undoes, and of eight steps
  });
});

describe('what an operation does to a deployment and its row in the audit log', () => {
  const bulkRestore = async (ids: readonly string[]): Promise<string> =>
    (await t.as('ada').post('/api/deployment/bulk-restore').send({ ids, wait: 0 }).expect(202)).body.operation_id as string;
  const audited = (ids: readonly string[], action: string): Promise<object[]> =>
    t.dataSource.query(
      `SELECT a.resource_id, a.actor_id, a.request_id, c.version IS NOT NULL AS together FROM audit_log AS a
         LEFT JOIN deployments AS c ON c.id = a.resource_id AND c.xmin = a.xmin
        WHERE a.resource_id = ANY($1) AND a.action = $2 ORDER BY a.resource_id`,
      [ids, action],
    );

  it.each([
    ['deployment.delete', 'deleted'],
    ['deployment.restore', 'restored'],
  ])('%s: are of one transaction, and both absent when the row cannot be written', async (action, state) => {
    const ids = (await deployments(3)).sort();
    const deletion = await bulkDelete(ids);
    if (state === 'restored') await run(deletion);
    const id = state === 'restored' ? await bulkRestore(ids) : deletion;
    const breaking = tap.while(
      ({ sql }) => {
        if (sql.includes('INTO audit_log')) throw new Error('a planted fault');
        return undefined;
      },
      () => run(id),
    );
    await expect(breaking).rejects.toThrow('could not be written to the audit log');
    expect(await states(id)).toEqual([{ state: 'pending', n: 3 }]);
    expect(await deletedOf(ids)).toBe(state === 'restored' ? 3 : 0);
    expect(await audited(ids, action)).toEqual([]);

    await run(id);
    expect(await states(id)).toEqual([{ state, n: 3 }]);
    const [{ request_id }] = await t.dataSource.query<[{ request_id: string }]>(
      `SELECT origin->>'requestId' AS request_id FROM operations WHERE id = $1`,
      [id],
    );
    const by = { actor_id: await t.userId('ada'), request_id, together: true };
    expect(await audited(ids, action)).toEqual(ids.map((resource_id) => ({ resource_id, ...by })));
  });
});

describe('an operation', () => {
  it('whose job fails shows what it fails at, as a deployment does', async () => {
    const id = await bulkDelete(await deployments(1));
    await t.dataSource.query(
      `UPDATE jobs SET attempts = 9, last_error = 'the disk is full', failing_since = '2026-01-31T12:00:00Z', due_at = '2026-01-31T13:00:00Z'
        WHERE kind = 'operation.run' AND key = $1`,
      [id],
    );
    const work = {
      attempts: 9,
      last_error: 'the disk is full',
      stuck_since: '2026-01-31T12:00:00.000Z',
      next_attempt_at: '2026-01-31T13:00:00.000Z',
    };
    expect((await t.as('ada').get(`/api/operations/${id}`).expect(200)).body.work).toEqual(work);
    expect((await t.as('ada').get('/api/operations?limit=1').expect(200)).body).toMatchObject([{ operation_id: id, work }]);
    await run(id);
    expect((await t.as('ada').get(`/api/operations/${id}`).expect(200)).body).toMatchObject({ status: 'completed', work: null });
  });

  it('is answered with what is true so far when the process ends: its waiting request kept the process alive', async () => {
    const ending = await startTestApp({ env: { ROLE: 'api' } });
    const id = await aDeployment(ending.dataSource, { user_id: await ending.userId('ada') });
    const waiting = ending
      .as('ada')
      .post('/api/deployment/bulk-delete')
      .send({ ids: [id], wait: 60 })
      .then(({ status, body }) => ({ status, operation: body.status as string }));
    await until(async () => (await ending.dataSource.query<unknown[]>(`SELECT 1 FROM operations`)).length === 1);
    const closing = ending.close();
    const late = sleep(20_000, 'no answer', { ref: false });
    expect(await Promise.race([waiting, late])).toEqual({ status: 202, operation: 'running' });
    await closing;
  });
});
