import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { ApplicationPair, inLanes } from '../support/application-pair';
import type { Answer } from '../support/client';
import { expectGone, finishTeardowns } from '../support/deployments';
import { remove } from '../support/deployments-under-test';
import { insertRow } from '../support/rows';
import { until } from '../support/until';

/** More of them before a release: `RACE_ROUNDS=1000 npx jest test/faults/lifecycle-races`. */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? '16');
const LANES = 4;
const LONG = 90_000 + ROUNDS * 500;
const API = { ROLE: 'api' };
const OVERRIDE = '?override_retention=true&reason=a%20race';

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_unused, index) => make(index));
const codeOf = ({ status, body }: Answer): string => (status < 400 ? String(status) : (body as { code: string }).code);
const codes = (answers: readonly Answer[]): string[] => answers.map(codeOf).sort();
const accepted = (answers: readonly Answer[]): number => answers.filter(({ status }) => status < 300).length;

interface Left {
  readonly status: string;
  readonly name: string;
  readonly target: number;
  readonly isProtected: boolean;
  readonly deletions: number;
  readonly restores: number;
  readonly alive: number;
  /** Live replicas of a generation that is over. */
  readonly stale: number;
  readonly jobs: number;
  /** Changes in the history that do not begin where the one before ended. */
  readonly breaks: number;
}

async function leftOf({ dataSource }: ApplicationPair, id: string): Promise<Left | undefined> {
  const [row] = await dataSource.query<Left[]>(
    `SELECT d.status, d.name, d.target_replicas AS target, d.protection_reason IS NOT NULL AS "isProtected",
            (SELECT count(*)::int FROM deletions WHERE deployment_id = d.id) AS deletions,
            (SELECT count(*)::int FROM deployment_status_history WHERE deployment_id = d.id AND old_status = 'deleted') AS restores,
            count(r.id) FILTER (WHERE r.status IN ('pending', 'starting', 'running'))::int AS alive,
            count(r.id) FILTER (WHERE r.status IN ('pending', 'starting', 'running') AND r.generation < d.generation)::int AS stale,
            (SELECT count(*)::int FROM jobs WHERE kind = 'deployment.reconcile' AND key = d.id::text) AS jobs,
            (SELECT count(*)::int FROM (
               SELECT old_status, lag(new_status) OVER (ORDER BY id) AS before FROM deployment_status_history WHERE deployment_id = d.id) AS h
              WHERE before IS NOT NULL AND before <> old_status) AS breaks
       FROM deployments AS d LEFT JOIN deployment_replicas AS r ON r.deployment_id = d.id WHERE d.id = $1 GROUP BY d.id`,
    [id],
  );
  return row;
}

const restore = (pair: ApplicationPair, n: number, id: string, body?: object): Promise<Answer> =>
  pair.client(n).post(`/api/deployment/${id}/restore`, body);
const purge = (pair: ApplicationPair, n: number, id: string): Promise<Answer> =>
  pair.client(n).delete(`/api/admin/deployment/${id}${OVERRIDE}`);
/** A deleted deployment that has nothing to tear down. */
const deleted = async (pair: ApplicationPair): Promise<string> => {
  const id = await pair.deploymentWith(['pending']);
  await remove(pair.client(0), id, '?wait=0');
  return id;
};

const startPair = (options: Parameters<typeof ApplicationPair.start>[0], use: (pair: ApplicationPair) => Promise<void>) => async () => {
  const pair = await ApplicationPair.start(options);
  try {
    await pair.dataSource.query(`UPDATE users SET is_admin = true WHERE id = $1`, [pair.userId]);
    await use(pair);
    await pair.stop();
    await finishTeardowns(pair.dataSource);
    await pair.dataSource.query(`UPDATE deletions SET completed_at = clock_timestamp() WHERE completed_at IS NULL`);
    expect(await checkInvariants(pair.dataSource, { graceSeconds: 30 })).toEqual([]);
    expect(await pair.deadlocks()).toBe(0);
  } finally {
    await pair.stop();
    await pair.drop();
  }
};

describe(`${String(ROUNDS)} races of what comes after a deployment, through two applications`, () => {
  it(
    'of deletes and restores: they take turns, and what is left is what the last one of them said',
    startPair({ env: API }, async (pair) => {
      const ends = (of: readonly { readonly left: Left | undefined }[]): Set<string | undefined> =>
        new Set(of.map(({ left }) => left?.status));
      const race = async (round: number) => {
        const id = await pair.deploymentWith(['running', 'pending']);
        if (round % 2 === 0) await remove(pair.client(round), id, '?wait=0');
        const both = times(3, (n) => [remove(pair.client(n), id, '?wait=0'), restore(pair, n + 1, id)] as const);
        const deletes = await Promise.all(both.map(([deleting]) => deleting));
        const restores = await Promise.all(both.map(([, restoring]) => restoring));
        return { early: round % 2 === 0 ? 1 : 0, deletes, restores, left: await leftOf(pair, id) };
      };
      const races = await inLanes(ROUNDS, LANES, race, (done) => ends(done).size === 2);
      for (const { early, deletes, restores, left } of races) {
        expect(codes(deletes).filter((code) => !['202', 'already_deleted'].includes(code))).toEqual([]);
        expect(codes(restores).filter((code) => !['202', 'not_deleted'].includes(code))).toEqual([]);
        const [down, up] = [early + accepted(deletes), accepted(restores)];
        expect(left).toMatchObject({ deletions: down, restores: up, stale: 0, jobs: 1, breaks: 0 });
        expect([left?.status, left?.alive]).toEqual(down > up ? ['deleted', 0] : ['scheduled', 2]);
        expect(down - up === 0 || down - up === 1).toBe(true);
      }
      // Unless some were restored and some were not, these were no races.
      expect(ends(races).size).toBe(2);
    }),
    LONG,
  );

  it(
    'of changes, deletes and restores: each change that was accepted is a revision of its own, and at most one rolls out',
    startPair({ env: API }, async (pair) => {
      const met = (code: string, of: readonly { readonly changes: readonly Answer[] }[]): boolean =>
        of.some(({ changes }) => codes(changes).includes(code));
      const race = async () => {
        const id = await pair.deploymentWith(['running', 'pending']);
        const change = (n: number): Promise<Answer> =>
          pair.client(n).patch(`/api/deployment/${id}`, { env: { CHANGE: String(n) }, replicas: 1 + (n % 3) });
        const all = times(3, (n) => [change(n), remove(pair.client(n), id, '?wait=0'), restore(pair, n + 1, id), change(n + 3)] as const);
        const answers = await Promise.all(all.map((each) => Promise.all(each)));
        const changes = answers.flatMap(([before, , , after]) => [before, after]);
        const [{ revisions, open }] = await pair.dataSource.query<[{ revisions: number[]; open: number }]>(
          `SELECT (SELECT array_agg(number ORDER BY number) FROM deployment_revisions WHERE deployment_id = $1) AS revisions,
                  (SELECT count(*)::int FROM deployment_rollouts WHERE deployment_id = $1 AND finished_at IS NULL) AS open`,
          [id],
        );
        return { changes, deletes: answers.map(([, each]) => each), revisions, open, left: await leftOf(pair, id) };
      };
      const races = await inLanes(ROUNDS, LANES, race, (done) => met('not_found', done) && met('202', done));
      for (const { changes, deletes, revisions, open, left } of races) {
        expect(codes(changes).filter((code) => !['202', 'not_found'].includes(code))).toEqual([]);
        const made = changes.filter(({ status }) => status === 202).map(({ body }) => (body as { revision: number }).revision);
        expect(made.sort((a, b) => a - b)).toEqual(times(made.length, (n) => n + 2));
        expect(revisions).toEqual(times(made.length + 1, (n) => n + 1));
        expect(left).toMatchObject({ deletions: accepted(deletes), stale: 0, breaks: 0 });
        // After a delete nothing of it runs, so nothing is left that could be replaced.
        expect(open).toBe(left?.status === 'running' && made.length > 0 ? 1 : 0);
      }
      // Unless some changes came too late, these were no races.
      expect(met('not_found', races)).toBe(true);
      expect(met('202', races)).toBe(true);
    }),
    LONG,
  );

  it(
    'of restores and purges: either lives whole or is gone whole',
    startPair({ env: API }, async (pair) => {
      const races = await inLanes(ROUNDS, LANES, async (round) => {
        const id = await deleted(pair);
        const both = times(2, (n) =>
          round % 2 === 0
            ? ([restore(pair, n, id), purge(pair, n + 1, id)] as const)
            : ([purge(pair, n, id), restore(pair, n + 1, id)] as const),
        );
        const [first, second] = await Promise.all([Promise.all(both.map(([one]) => one)), Promise.all(both.map(([, other]) => other))]);
        const [restores, purges] = round % 2 === 0 ? [first, second] : [second, first];
        return { restores, purges, left: await leftOf(pair, id) };
      });
      for (const { restores, purges, left } of races) {
        expect(accepted(restores) + accepted(purges)).toBe(1);
        if (accepted(purges) === 1) expect([left, codes(restores)]).toEqual([undefined, ['not_found', 'not_found']]);
        else {
          expect(left).toMatchObject({ status: 'scheduled', alive: 1, stale: 0, breaks: 0 });
          expect(codes(purges)).toEqual(['not_deleted', 'not_deleted']);
        }
      }
    }),
    LONG,
  );

  it(
    'of protections and deletes: what is deleted was not protected',
    startPair({ env: API }, async (pair) => {
      const races = await inLanes(ROUNDS, LANES, async (round) => {
        const id = await pair.deploymentWith(['running']);
        const protect = (): Promise<Answer> => pair.client(round).put(`/api/deployment/${id}/protection`, { reason: 'a race' });
        const first = round % 2 === 0 ? protect() : null;
        const deleting = times(2, (n) => remove(pair.client(n), id, '?wait=0'));
        return { protection: await (first ?? protect()), deletes: await Promise.all(deleting), left: await leftOf(pair, id) };
      });
      for (const { protection, deletes, left } of races) {
        if (left?.isProtected)
          expect([protection.status, codes(deletes), left.status]).toEqual([
            200,
            ['deployment_protected', 'deployment_protected'],
            'running',
          ]);
        else expect([protection.status, codes(deletes), left?.status]).toEqual([404, ['202', 'already_deleted'], 'deleted']);
      }
    }),
    LONG,
  );

  it(
    'of bulk deletes, against each other and against single ones: each deployment is deleted by one of them',
    startPair({ env: { BULK_DELETE_MAX_SHARE_PERCENT: '100', SIMULATED_DELAY_MS: '0' } }, async (pair) => {
      for (let round = 0; round < Math.ceil(ROUNDS / 4); round++) {
        const ids = await Promise.all(times(8, () => pair.deploymentWith(['pending', 'pending'])));
        const bulk = (n: number, order: string[]): Promise<Answer> =>
          pair.client(n).post('/api/deployment/bulk-delete', { ids: order, wait: 30, all_or_nothing: n === 2 });
        const [bulks, singles] = await Promise.all([
          Promise.all([bulk(0, ids), bulk(1, [...ids].reverse()), bulk(2, ids.slice(3))]),
          Promise.all(ids.slice(0, 4).map((id, n) => remove(pair.client(n), id, '?wait=0'))),
        ]);
        expect(bulks.map(({ status }) => status)).toEqual([200, 200, 200]);
        const items = bulks.flatMap(
          ({ body }) => (body as { items: { deployment_id: string; state: string; code: string | null }[] }).items,
        );
        const winners = [
          ...items.filter(({ state }) => state === 'deleted').map((item) => item.deployment_id),
          ...ids.slice(0, 4).filter((_id, n) => singles[n]!.status < 300),
        ];
        expect(winners.sort()).toEqual([...ids].sort());
        expect(new Set(items.map(({ state, code }) => `${state} ${String(code)}`))).not.toContain('pending null');
        for (const id of ids) expect(await leftOf(pair, id)).toMatchObject({ status: 'deleted', deletions: 1, alive: 0, breaks: 0 });
      }
    }),
    LONG,
  );

  it(
    'of restores under different names: one wins, and its name is the one that counts',
    startPair({ env: API }, async (pair) => {
      const races = await inLanes(ROUNDS, LANES, async (round) => {
        const id = await deleted(pair);
        const names = times(4, (n) => `r${String(round)}-${String(n)}`);
        const answers = await Promise.all(names.map((name, n) => restore(pair, n, id, { name })));
        return { names, answers, left: await leftOf(pair, id) };
      });
      for (const { names, answers, left } of races) {
        expect(codes(answers)).toEqual(['202', 'not_deleted', 'not_deleted', 'not_deleted']);
        expect(left).toMatchObject({ name: names[answers.findIndex(({ status }) => status === 202)], restores: 1, alive: 1, stale: 0 });
      }
      const twins = await inLanes(ROUNDS, LANES, async (round) => {
        const ids = [await deleted(pair), await deleted(pair)];
        return Promise.all(ids.map((id, n) => restore(pair, n, id, { name: `twin-${String(round)}` })));
      });
      for (const answers of twins) expect(codes(answers)).toEqual(['202', 'name_taken']);
    }),
    LONG,
  );

  it(
    'of a force release and the return of the node: the replica ends once, either way, and nothing runs on',
    startPair({ env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '2', SIMULATED_DELAY_MS: '0' } }, async (pair) => {
      const { dataSource } = pair;
      const met = new Set<number>();
      for (let round = 0; round < 2; round++) {
        const [node_id] = pair.nodeIds as [string];
        const ids = await Promise.all(times(6, () => pair.deploymentWith(['pending'], [node_id])));
        await dataSource.query(`INSERT INTO jobs (kind, key) SELECT 'deployment.reconcile', unnest($1::text[]) ON CONFLICT DO NOTHING`, [
          ids,
        ]);
        const running = async (): Promise<boolean> =>
          (
            await dataSource.query<unknown[]>(`SELECT 1 FROM deployment_replicas WHERE status = 'running' AND deployment_id = ANY($1)`, [
              ids,
            ])
          ).length === ids.length;
        await until(running, { what: 'all to run', timeoutMs: 20_000 });
        await insertRow(dataSource, 'simulated_node_faults', { node_id });
        await dataSource.query(`UPDATE nodes SET last_heartbeat = now() - interval '1 minute' WHERE id = $1`, [node_id]);
        for (const id of ids) expect((await remove(pair.client(0), id, '?wait=0')).status).toBe(202);
        const release = (id: string): Promise<Answer[]> =>
          Promise.all(times(2, (n) => pair.client(n).post(`/api/deployment/${id}/force-release`, { reason: 'a race' })));
        const isBack = async (): Promise<boolean> =>
          (
            await dataSource.query<unknown[]>(`SELECT 1 FROM nodes WHERE id = $1 AND last_heartbeat > now() - interval '30 seconds'`, [
              node_id,
            ])
          ).length > 0;
        // Some are sent before the node answers again, some at about that time, some after it.
        const [before, ...others] = ids as [string, ...string[]];
        const early = await release(before);
        await dataSource.query(`DELETE FROM simulated_node_faults`);
        const later = await Promise.all(
          others.map(async (id, index) => {
            if (index < 3) await sleep(Math.random() * 1_000);
            else await until(isBack, { what: 'the node to be back' });
            return release(id);
          }),
        );
        const answers = [early, ...later].flat();
        expect(codes(answers).filter((code) => code !== '200' && code !== 'conflict')).toEqual([]);
        for (const [n, id] of ids.entries()) {
          await expectGone(dataSource, id, { timeoutMs: 20_000 });
          const rows = await dataSource.query<{ status: string; done: boolean; events: number }[]>(
            `SELECT r.status, x.completed_at IS NOT NULL AS done,
                    (SELECT count(*)::int FROM events WHERE deployment_id = r.deployment_id AND type = 'fog.deployment.teardown_completed') AS events
               FROM deployment_replicas AS r JOIN deletions AS x USING (deployment_id) WHERE r.deployment_id = $1`,
            [id],
          );
          const given = accepted(answers.slice(n * 2, n * 2 + 2));
          expect(rows).toEqual([{ status: given > 0 ? 'failed' : 'stopped', done: true, events: 1 }]);
          expect(given).toBeLessThanOrEqual(1);
          met.add(given);
        }
      }
      // Unless each has won sometimes, these were no races.
      expect(met.size).toBe(2);
    }),
    LONG,
  );
});

describe('an Idempotency-Key that is sent ten times at once', () => {
  it(
    'has one effect and one answer, for a restore, a bulk delete and a protection; another body is refused',
    startPair({ env: { BULK_DELETE_MAX_SHARE_PERCENT: '100', SIMULATED_DELAY_MS: '0' } }, async (pair) => {
      const effects = (id: string, action: string): Promise<unknown[]> =>
        pair.dataSource.query(`SELECT 1 FROM audit_log WHERE resource_id = $1 AND action = $2 AND outcome = 'done'`, [id, action]);
      const tenTimes = (send: (n: number, key: string) => Promise<Answer>): Promise<{ key: string; answers: Answer[] }> => {
        const key = randomUUID();
        return Promise.all(times(10, (n) => send(n, key))).then((answers) => ({ key, answers }));
      };
      const expectOne = (answers: readonly Answer[], status: number): void => {
        expect(answers.map((answer) => answer.status)).toEqual(times(10, () => status));
        expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
        expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
      };

      const id = await deleted(pair);
      const restored = await tenTimes((n, key) => pair.client(n).post(`/api/deployment/${id}/restore`, { name: 'ten' }, { key }));
      expectOne(restored.answers, 202);
      expect(await leftOf(pair, id)).toMatchObject({ restores: 1, stale: 0 });
      expect(await effects(id, 'deployment.restore')).toHaveLength(1);
      const other = await pair.client(0).post(`/api/deployment/${id}/restore`, { name: 'eleven' }, { key: restored.key });
      expect([other.status, codeOf(other)]).toEqual([422, 'idempotency_key_reused']);

      await pair.client(0).put(`/api/deployment/${id}/protection`, { reason: 'first' });
      const lifted = await tenTimes((n, key) => pair.client(n).delete(`/api/deployment/${id}/protection`, { key }));
      expectOne(lifted.answers, 200);
      expect(await effects(id, 'deployment.unprotect')).toHaveLength(1);

      const ids = await Promise.all(times(3, () => pair.deploymentWith(['pending'])));
      const bulk = await tenTimes((n, key) => pair.client(n).post('/api/deployment/bulk-delete', { ids, wait: 0 }, { key }));
      expect(bulk.answers.filter(({ status }) => status !== 200 && status !== 202)).toEqual([]);
      const operations = new Set(bulk.answers.map(({ body }) => (body as { operation_id: string }).operation_id));
      expect(operations.size).toBe(1);
      await until(async () => (await Promise.all(ids.map((each) => leftOf(pair, each)))).every((left) => left?.status === 'deleted'));
      for (const each of ids) expect(await leftOf(pair, each)).toMatchObject({ deletions: 1 });
      const [count] = await pair.dataSource.query<[{ n: number }]>(`SELECT count(*)::int AS n FROM operations`);
      expect(count.n).toBe(1);
    }),
    LONG,
  );
});
