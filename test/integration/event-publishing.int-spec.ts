import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { inTransaction, type Tx } from '../../src/database/transaction';
import { DEPLOYMENT_STATUSES, nextStatuses } from '../../src/deployments/domain/deployment-status';
import { EventFeedRepository } from '../../src/events/event-feed.repository';
import { EventPublisher } from '../../src/events/event-publisher';
import { isEventType } from '../../src/events/event-types';
import { Events } from '../../src/events/events';
import { PubSub } from '../../src/database/pub-sub';
import { openDataSource } from '../support/open-data-source';
import { aChange, aDeployment, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const EVERYTHING = { userId: null, types: null, deploymentId: null };

describe('the order of the feed', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let events: Events;
  let publisher: EventPublisher;
  let feed: EventFeedRepository;
  let userId: string;
  let job: { id: string; claim: string };
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 12);
    pubSub = new PubSub(dataSource);
    events = new Events(pubSub);
    publisher = new EventPublisher(dataSource, pubSub);
    feed = new EventFeedRepository(dataSource);
    userId = await aUser(dataSource);
    const claim = randomUUID();
    const [row] = await dataSource.query<[{ id: string }]>(
      `INSERT INTO jobs (kind, key, claim, lease_until) VALUES ('events.publish', 'all', $1, now() + interval '1 hour') RETURNING id`,
      [claim],
    );
    job = { id: row.id, claim };
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  const publish = (limit = 1_000) => inTransaction(dataSource, (tx) => publisher.publish(tx, job, limit));
  const record = (tx: Tx, n: unknown) => events.record(tx, [{ type: 'fog.notification.test', userId, data: { n } }]);
  const commit = (n: unknown) => inTransaction(dataSource, (tx) => record(tx, n));
  const positions = async (): Promise<number[]> => (await feed.read(EVERYTHING, 0, 1_000)).events.map(({ position }) => position);

  /** A transaction that has written its event and commits when told to. */
  const held = async (n: unknown): Promise<() => Promise<void>> => {
    let go = (): void => undefined;
    const told = new Promise<void>((resolve) => (go = resolve));
    let written = (): void => undefined;
    const isWritten = new Promise<void>((resolve) => (written = resolve));
    const done = inTransaction(dataSource, async (tx) => {
      await record(tx, n);
      written();
      await told;
    });
    await isWritten;
    return () => {
      go();
      return done;
    };
  };

  it('a reader never misses an event whose transaction commits after a later one', async () => {
    const release = await held('early');
    await commit('late');
    // The control: a reader by id sees the later event, goes on after it, and never sees the earlier one.
    const byId = (after: string) =>
      dataSource.query<{ id: string; n: string }[]>(`SELECT id, data ->> 'n' AS n FROM events WHERE id > $1 ORDER BY id`, [after]);
    const naive = await byId('0');
    expect(naive.map(({ n }) => n)).toEqual(['late']);
    await publish();
    const first = await feed.read(EVERYTHING, 0, 100);
    expect(first.events.map(({ data }) => data.n)).toEqual(['late']);
    await release();
    expect((await byId(naive.at(-1)?.id ?? '')).map(({ n }) => n)).toEqual([]);
    await publish();
    expect((await feed.read(EVERYTHING, first.position, 100)).events.map(({ data }) => data.n)).toEqual(['early']);
  });

  it('an event is in the feed only when its change is committed and it has been published', async () => {
    const before = await positions();
    const rolledBack = inTransaction(dataSource, async (tx) => {
      await record(tx, 'never');
      throw new Error('rolled back on purpose');
    });
    await expect(rolledBack).rejects.toThrow('on purpose');
    await commit('waits');
    expect(await positions()).toEqual(before);
    await publish();
    expect(await positions()).toHaveLength(before.length + 1);
  });

  it('positions have no gaps and appear in their order, with many writers, several publishers and a reader that runs along', async () => {
    const start = (await feed.read(EVERYTHING, 0, 1_000)).lastPosition;
    const wanted = 150;
    let done = false;
    const write = async (writer: number): Promise<void> => {
      for (let n = 0; n < wanted / 5; n++) {
        await inTransaction(dataSource, async (tx) => {
          await record(tx, `${String(writer)}-${String(n)}`);
          await tx.query('SELECT pg_sleep($1)', [Math.random() / 100]);
        });
      }
    };
    const publishing = async (): Promise<void> => {
      while (!done) await publish(7);
    };
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      let after = start;
      while (seen.length < wanted) {
        const page = await feed.read(EVERYTHING, after, 13);
        seen.push(...page.events.map(({ position }) => position));
        after = page.position;
      }
      done = true;
    };
    await Promise.all([...[1, 2, 3, 4, 5].map(write), publishing(), publishing(), reading()]);
    expect(seen).toEqual(Array.from({ length: wanted }, (_, index) => start + index + 1));
  });

  it('events of one deployment keep the order of their history', async () => {
    const id = await aDeployment(dataSource, { user_id: userId, status: 'pending' });
    const steps = ['scheduled', 'running', 'running', 'stopped', 'pending', 'failed'];
    for (const [index, status] of steps.entries())
      await aChange(dataSource, { deployment_id: id, old_status: index === 0 ? 'pending' : (steps[index - 1] ?? ''), new_status: status });
    await publish(2);
    await publish();
    const { events: found } = await feed.read({ ...EVERYTHING, deploymentId: id }, 0, 100);
    expect(found.map(({ type }) => type.replace('fog.deployment.', ''))).toEqual([
      ...['created', 'scheduled', 'running', 'scaled', 'stopped', 'pending', 'failed'],
    ]);
  });

  it('every change that the state machine allows has a type that is known', async () => {
    const changes = DEPLOYMENT_STATUSES.flatMap((from) => [...nextStatuses(from), from].map((to) => [from, to] as const));
    const all: (readonly [string, string])[] = [...changes, ['none', 'pending'], ['deleted', 'pending']];
    const id = await aDeployment(dataSource, { user_id: userId, status: 'running' });
    for (const [from, to] of all) await aChange(dataSource, { deployment_id: id, old_status: from, new_status: to });
    const rows = await dataSource.query<{ type: string }[]>(`SELECT type FROM events WHERE deployment_id = $1 ORDER BY id`, [id]);
    expect(rows).toHaveLength(all.length + 1);
    expect(rows.map(({ type }) => type).filter((type) => !isEventType(type))).toEqual([]);
    expect(rows.at(-1)?.type).toBe('fog.deployment.restored');
  });

  it('a publisher whose job was taken over publishes nothing', async () => {
    await commit('not by this one');
    const before = await positions();
    expect(await inTransaction(dataSource, (tx) => publisher.publish(tx, { ...job, claim: randomUUID() }, 100))).toBeNull();
    expect(await positions()).toEqual(before);
    expect(await publish()).not.toBeNull();
  });

  it('a batch of history rows is one statement and as many events', async () => {
    const id = await aDeployment(dataSource, { user_id: userId });
    await dataSource.query(
      `INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason)
       SELECT $1, 'running', 'running', 'batch ' || n FROM generate_series(1, 50) AS n`,
      [id],
    );
    const [row] = await dataSource.query<{ count: number }[]>(
      `SELECT count(*)::int FROM events WHERE deployment_id = $1 AND type = 'fog.deployment.scaled'`,
      [id],
    );
    expect(row?.count).toBe(50);
  });

  it('what is recorded about a deployment says whose and which it is', async () => {
    const id = await aDeployment(dataSource, { user_id: userId, name: 'told', labels: { team: 'edge' } });
    await inTransaction(dataSource, (tx) =>
      events.record(tx, [
        { type: 'fog.deployment.protected', deploymentId: id, data: { reason: 'it matters' } },
        { type: 'fog.deployment.purged', deploymentId: randomUUID() },
      ]),
    );
    await publish();
    const { events: found } = await feed.read(
      { userId, types: ['fog.deployment.protected', 'fog.deployment.purged'], deploymentId: null },
      0,
      100,
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      userId,
      deploymentId: id,
      data: { deployment_id: id, name: 'told', reason: 'it matters', labels: { team: 'edge' } },
    });
  });

  it('throws away the oldest end only, and remembers where it ends', async () => {
    const all = await positions();
    const [third] = all.slice(2);
    await dataSource.query(`UPDATE events SET published_at = now() - interval '31 days' WHERE position <= $1`, [third]);
    // Old, but not the oldest: it stays, because a removal must always mean everything up to one position.
    await dataSource.query(`UPDATE events SET published_at = now() - interval '29 days' WHERE position = $1`, [all[3]]);
    await publish();
    expect(await publisher.purge(30)).toBe(3);
    expect(await publisher.purge(30)).toBe(0);
    const page = await feed.read(EVERYTHING, 0, 1_000);
    expect([page.purgedThrough, page.events[0]?.position]).toEqual([third, (third ?? 0) + 1]);
  });
});
