import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'supertest';
import { QueryRunner } from 'typeorm';
import { aSpec, deploy, deployed } from '../support/deployments';
import { EventStreamClient } from '../support/event-stream';
import { aProject } from '../support/projects';
import { aDeployment } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** What SECURITY.md promises for every revocation: 5 s, and a bit for the machine of the test. */
const PROMISED_MS = 5_500;

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ env: { STOP_GRACE_SECONDS: '1', BULK_DELETE_MAX_SHARE_PERCENT: '100' } });
  await t.token('root', { admin: true });
});
afterAll(() => t?.close());

let counter = 0;
/** A name that no other test uses, because these tests take the rights of users away. */
const somebody = (): string => `somebody-${String(++counter)}`;
const switchOff = async (name: string): Promise<unknown> =>
  t
    .as('root')
    .patch(`/api/auth/users/${await t.userId(name)}`)
    .send({ is_active: false })
    .expect(200);
const revokeSession = async (name: string): Promise<unknown> =>
  t.dataSource.query(`UPDATE sessions SET revoked_at = now() WHERE user_id = $1`, [await t.userId(name)]);
const demote = async (name: string): Promise<unknown> =>
  t.dataSource.query(`UPDATE users SET is_admin = false WHERE id = $1`, [await t.userId(name)]);
const statusIn = async (id: string): Promise<string | undefined> =>
  (await t.dataSource.query<{ status: string }[]>(`SELECT status FROM deployments WHERE id = $1`, [id]))[0]?.status;

/** Waits for the end of a stream whose right has just ended. */
async function untilEnded(client: EventStreamClient): Promise<void> {
  const revokedAt = performance.now();
  await until(() => client.ended, { timeoutMs: 60_000, what: 'the stream to end' });
  expect(performance.now() - revokedAt).toBeLessThan(PROMISED_MS);
}

interface Refused {
  readonly status: number;
  readonly code: unknown;
  /** How long after the revocation the answer came. */
  readonly afterMs: number;
}

/** Sends a request that waits, takes the right to it away once it does, and gives the answer. */
async function revokedWhile(waiting: PromiseLike<Response>, revoke: () => Promise<unknown>): Promise<Refused> {
  const revoked = revoke().then(() => performance.now());
  const answered = Promise.resolve(waiting).then(({ status, body }) => ({
    status,
    code: (body as { code?: string }).code,
    at: performance.now(),
  }));
  const [{ at, ...answer }, revokedAt] = await Promise.all([answered, revoked]);
  return { ...answer, afterMs: at - revokedAt };
}

const expectRefused = ({ status, code, afterMs }: Refused, expected: readonly [number, string]): void => {
  expect([status, code]).toEqual(expected);
  expect(afterMs).toBeLessThan(PROMISED_MS);
};

describe('an open stream', () => {
  it.each([
    ['switched off', {}, '', switchOff],
    ['logged out', {}, '', revokeSession],
    ['demoted, with a stream of all users', { admin: true }, '&all_users=true', demote],
  ] as const)('ends within five seconds for a user who is %s', async (_how, user, query, revoke) => {
    const name = somebody();
    const client = await EventStreamClient.open(`${t.url}/api/events?after=latest${query}`, await t.token(name, user));
    expect(client.answer.statusCode).toBe(200);
    await revoke(name);
    await untilEnded(client);
  });

  it.each(['events', 'logs?follow=true', 'stats?follow=true'])('of %s ends for a member who is taken out of the project', async (route) => {
    const name = somebody();
    const { id: project } = await aProject(t, 'ada', { [name]: 'viewer' });
    const id = await deployed(t, 'ada', { project });
    const client = await EventStreamClient.open(`${t.url}/api/deployment/${id}/${route}`, await t.token(name));
    expect(client.answer.statusCode).toBe(200);
    await t.as('ada').delete(`/api/projects/${project}/members/${name}`).expect(204);
    await untilEnded(client);
  });

  it('stays for a demoted administrator whose stream shows only what is their own', async () => {
    const name = somebody();
    const client = await EventStreamClient.open(`${t.url}/api/events?after=latest`, await t.token(name, { admin: true }));
    const gone = await EventStreamClient.open(`${t.url}/api/events?after=latest&all_users=true`, await t.token(name, { admin: true }));
    await demote(name);
    await untilEnded(gone);
    expect(client.ended).toBe(false);
    client.close();
  });
});

describe('a request that waits', () => {
  /** Time for a request to be let through and to begin to wait. */
  const LET_IN_MS = 1_000;
  const later =
    (revoke: (name: string) => Promise<unknown>, name: string): (() => Promise<unknown>) =>
    () =>
      sleep(LET_IN_MS).then(() => revoke(name));

  /** Nothing of these deployments is torn down, because their nodes do not answer. */
  async function withoutEngines<T>(ids: readonly string[], work: () => Promise<T>): Promise<T> {
    const fault = `INSERT INTO simulated_node_faults (node_id) SELECT DISTINCT node_id FROM deployment_replicas WHERE deployment_id = ANY($1)`;
    await t.dataSource.query(`${fault} ON CONFLICT DO NOTHING`, [ids]);
    try {
      return await work();
    } finally {
      await t.dataSource.query(`DELETE FROM simulated_node_faults`);
    }
  }

  it('for events is refused when its right ends', async () => {
    const name = somebody();
    await t.token(name);
    const refused = await revokedWhile(t.as(name).get('/api/events?after=latest&wait=30'), later(revokeSession, name));
    expectRefused(refused, [401, 'unauthenticated']);
  });

  it.each([
    ['switched off', switchOff, [403, 'inactive_user']],
    ['logged out', revokeSession, [401, 'unauthenticated']],
  ] as const)('for a state of a deployment is refused when its user is %s', async (_how, revoke, expected) => {
    const name = somebody();
    const id = await deployed(t, name);
    const refused = await revokedWhile(t.as(name).get(`/api/deployment/${id}/wait?for=stopped&timeout=30`), later(revoke, name));
    expectRefused(refused, expected);
  });

  it('for a state of a deployment is refused when its user is taken out of the project', async () => {
    const name = somebody();
    const { id: project } = await aProject(t, 'ada', { [name]: 'viewer' });
    const id = await deployed(t, 'ada', { project });
    const refused = await revokedWhile(t.as(name).get(`/api/deployment/${id}/wait?for=stopped&timeout=30`), () =>
      sleep(LET_IN_MS).then(() => t.as('ada').delete(`/api/projects/${project}/members/${name}`).expect(204)),
    );
    expectRefused(refused, [404, 'not_found']);
  });

  it('for a teardown is not told about it, though the delete stands', async () => {
    const name = somebody();
    const id = await deployed(t, name);
    await withoutEngines([id], async () => {
      const refused = await revokedWhile(t.as(name).delete(`/api/deployment/${id}?wait=30`), () =>
        until(async () => (await statusIn(id)) === 'deleted').then(() => switchOff(name)),
      );
      expectRefused(refused, [403, 'inactive_user']);
    });
    expect(await statusIn(id)).toBe('deleted');
  });

  it('for a bulk operation is not told about it', async () => {
    const name = somebody();
    const id = await deployed(t, name);
    const holder = t.dataSource.createQueryRunner();
    await holder.startTransaction();
    try {
      // The operation cannot decide on a deployment whose row is locked.
      await holder.query(`SELECT 1 FROM deployments WHERE id = $1 FOR UPDATE`, [id]);
      const asked = t
        .as(name)
        .post('/api/deployment/bulk-delete')
        .send({ ids: [id], wait: 30 });
      expectRefused(await revokedWhile(asked, later(switchOff, name)), [403, 'inactive_user']);
    } finally {
      await holder.rollbackTransaction();
      await holder.release();
    }
  });
});

describe('a command that waited for a lock', () => {
  let holder: QueryRunner;
  beforeEach(async () => {
    holder = t.dataSource.createQueryRunner();
    await holder.startTransaction();
  });
  afterEach(() => holder.release());

  const hold = (id: string): Promise<unknown> => holder.query(`SELECT 1 FROM deployments WHERE id = $1 FOR UPDATE`, [id]);
  const someoneWaits = (): Promise<unknown> =>
    until(
      async () =>
        (
          await t.dataSource.query<unknown[]>(
            `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          )
        ).length > 0,
      { what: 'a request to wait for the lock' },
    );

  it.each([
    ['delete', 'switched off', switchOff, 403, 'inactive_user'],
    ['delete', 'logged out', revokeSession, 401, 'unauthenticated'],
    ['scale', 'switched off', switchOff, 403, 'inactive_user'],
    ['stop', 'switched off', switchOff, 403, 'inactive_user'],
    ['protect', 'switched off', switchOff, 403, 'inactive_user'],
  ] as const)('%s: is not carried out for a user who was %s meanwhile', async (verb, _how, revoke, status, code) => {
    const name = somebody();
    const id = await deployed(t, name);
    await hold(id);
    const requests = {
      delete: () => t.as(name).delete(`/api/deployment/${id}?wait=0`),
      scale: () => t.as(name).post(`/api/deployment/scale/${id}`).send({ replicas: 2 }),
      stop: () => t.as(name).post(`/api/deployment/${id}/stop`),
      protect: () => t.as(name).put(`/api/deployment/${id}/protection`).send({ reason: 'mine' }),
    };
    const before = await t.dataSource.query<unknown[]>(`SELECT version, status, target_replicas FROM deployments WHERE id = $1`, [id]);
    const [answer] = await Promise.all([
      requests[verb](),
      someoneWaits()
        .then(() => revoke(name))
        .then(() => holder.rollbackTransaction()),
    ]);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await t.dataSource.query(`SELECT version, status, target_replicas FROM deployments WHERE id = $1`, [id])).toEqual(before);
  });

  it('is not carried out with the rights of an administrator who is none any more', async () => {
    const name = somebody();
    await t.token(name, { admin: true });
    const id = await deployed(t, 'ada');
    await hold(id);
    const [answer] = await Promise.all([
      t.as(name).delete(`/api/deployment/${id}?wait=0`),
      someoneWaits()
        .then(() => demote(name))
        .then(() => holder.rollbackTransaction()),
    ]);
    expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'try_again', '1']);
    expect(await statusIn(id)).toBe('running');
  });

  it.each([
    ['taken out of the project', `DELETE FROM project_members WHERE user_id = $1 AND project_id <> user_id`],
    ['made a viewer of it', `UPDATE project_members SET role = 'viewer' WHERE user_id = $1 AND project_id <> user_id`],
  ])('is not carried out for a member who was %s meanwhile', async (_how, change) => {
    const name = somebody();
    const { id: project } = await aProject(t, 'ada', { [name]: 'deployer' });
    const id = await deployed(t, name, { project });
    await hold(id);
    const [answer] = await Promise.all([
      t.as(name).delete(`/api/deployment/${id}?wait=0`),
      someoneWaits()
        .then(async () => t.dataSource.query(change, [await t.userId(name)]))
        .then(() => holder.rollbackTransaction()),
    ]);
    expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'try_again', '1']);
    expect(await statusIn(id)).toBe('running');
  });

  it('does not wait with a switch-off: who has switched an account off sees no act of it afterwards', async () => {
    const name = somebody();
    const ids = await Promise.all(Array.from({ length: 6 }, () => deploy(t, name, aSpec())));
    const [, ...answers] = await Promise.all([switchOff(name), ...ids.map((id) => t.as(name).delete(`/api/deployment/${id}?wait=0`))]);
    const after = await Promise.all(ids.map(statusIn));
    await holder.rollbackTransaction();
    answers.forEach(({ status }, index) => expect(status < 300).toBe(after[index] === 'deleted'));
    for (const id of ids) await t.as('root').delete(`/api/deployment/${id}?wait=0`);
  });
});

describe('a log-out', () => {
  it('still ends the session that it came with, and a token can revoke itself', async () => {
    const name = somebody();
    const { body } = await t.as(name).post('/api/auth/tokens').send({ name: 'ci' }).expect(201);
    const withToken = { Authorization: `Bearer ${String(body.token)}` };
    await t.http
      .delete(`/api/auth/tokens/${String(body.id)}`)
      .set(withToken)
      .expect(204);
    await t.http.get('/api/auth/me').set(withToken).expect(401);
    await t.as(name).post('/api/auth/logout').expect(204);
    await t.as(name).get('/api/auth/me').expect(401);
  });
});

describe('an operation of a user who is switched off', () => {
  it('says that it is completed when everything was decided before', async () => {
    const name = somebody();
    const id = await aDeployment(t.dataSource, { user_id: await t.userId(name) });
    const { body } = await t
      .as(name)
      .post('/api/deployment/bulk-delete')
      .send({ ids: [id] })
      .expect(200);
    await switchOff(name);
    const { body: now } = await t
      .as('root')
      .get(`/api/operations/${String(body.operation_id)}`)
      .expect(200);
    expect(now).toMatchObject({ status: 'completed', deleted: 1, cancelled: 0 });
  });
});
