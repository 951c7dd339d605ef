import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/config/app-config';
import { createApp } from '../../src/create-app';
import { FeedHub } from '../../src/events/feed-hub';
import { aSpec, deployed, deploy, ISO_TIME, reaches, UUID } from '../support/deployments';
import { EventStreamClient } from '../support/event-stream';
import { QueryTap } from '../support/query-tap';
import { startTestApp, TEST_ENV, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Page {
  events: { id: string; type: string; subject?: string; sequence: string; time: string; data: Record<string, unknown> }[];
  position: number;
  has_more: boolean;
}

const MARK = 'canary-of-the-events-7';

/** Counts the streams and requests that begin to wait for new events. The function that it gives waits until there are `many`. */
function countWaiters(t: TestApp): (many: number) => Promise<unknown> {
  const join = jest.spyOn(t.app.get(FeedHub, { strict: false }), 'join');
  return (many) => until(() => join.mock.calls.length >= many, { what: `${String(many)} to wait for events` });
}

describe('the feed of events', () => {
  let t: TestApp;
  const open: EventStreamClient[] = [];
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
    await Promise.all([t.userId('ada'), t.userId('eve'), t.token('root', { admin: true })]);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    open.splice(0).forEach((client) => client.close());
  });
  afterAll(() => t?.close());

  const page = async (user: string, query = ''): Promise<Page> => (await t.as(user).get(`/api/events${query}`).expect(200)).body as Page;
  const stream = async (user: string, query = '', headers: Record<string, string> = {}): Promise<EventStreamClient> => {
    const client = await EventStreamClient.open(`${t.url}/api/events${query}`, await t.token(user, {}), headers);
    open.push(client);
    return client;
  };
  const types = ({ events }: Page): string[] => events.map(({ type }) => type.replace('fog.deployment.', ''));
  const untilType = (user: string, id: string, type: string): Promise<Page> =>
    until(
      async () => {
        const found = await page(user, `?deployment_id=${id}&limit=1000`);
        return types(found).includes(type) ? found : null;
      },
      { what: `the event ${type}` },
    );

  it('tells the whole life of a deployment, once and in order, as CloudEvents', async () => {
    const id = await deployed(t, 'ada', { labels: { team: 'edge' }, env: { SECRET: MARK } });
    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(200);
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    await t.as('ada').post(`/api/deployment/${id}/start`).expect(202);
    await reaches(t, 'ada', id, 'running', 'healthy');
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    const found = await untilType('ada', id, 'deleted');
    expect(types(found).slice(0, 9)).toEqual([
      ...['created', 'scheduled', 'running', 'scaled', 'stopped', 'pending', 'scheduled', 'running', 'deleted'],
    ]);
    const [created, scheduled] = found.events;
    expect(created).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(UUID),
      source: '/fog-compute',
      type: 'fog.deployment.created',
      subject: id,
      time: expect.stringMatching(ISO_TIME),
      datacontenttype: 'application/json',
      sequence: expect.stringMatching(/^\d{15}$/),
      data: expect.objectContaining({ deployment_id: id, old_status: null, new_status: 'pending', labels: { team: 'edge' } }),
    });
    expect(scheduled?.data).toMatchObject({ old_status: 'pending', new_status: 'scheduled', changed_by: null });
    expect(JSON.stringify(found)).not.toContain(MARK);
    const sequences = found.events.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort());
  });

  it('has the rows of the history, each exactly once', async () => {
    const id = await deployed(t, 'ada');
    await t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202);
    await untilType('ada', id, 'deleted');
    const [row] = await t.dataSource.query<{ same: boolean }[]>(
      `SELECT (SELECT array_agg(new_status ORDER BY id) FROM deployment_status_history WHERE deployment_id = $1)
            = (SELECT array_agg(data ->> 'new_status' ORDER BY position) FROM events WHERE deployment_id = $1 AND data ? 'old_status') AS same`,
      [id],
    );
    expect(row?.same).toBe(true);
  });

  it('pages without repeating or leaving out an event', async () => {
    await deployed(t, 'ada');
    const all = await page('ada', '?limit=1000');
    expect(all.has_more).toBe(false);
    const seen: string[] = [];
    let after = 0;
    for (let more = true; more;) {
      const next = await page('ada', `?after=${String(after)}&limit=2`);
      seen.push(...next.events.map(({ id }) => id));
      [after, more] = [next.position, next.has_more];
    }
    expect(seen.slice(0, all.events.length)).toEqual(all.events.map(({ id }) => id));
  });

  it('shows only what was asked for', async () => {
    const id = await deployed(t, 'ada');
    const wanted = `?deployment_id=${id}&types=fog.deployment.created,fog.deployment.running`;
    // An event gets its position a moment after the commit.
    const shown = await until(async () => {
      const found = types(await page('ada', wanted));
      return found.length > 1 ? found : null;
    });
    expect(shown).toEqual(['created', 'running']);
    expect((await page('ada', '?after=latest')).events).toEqual([]);
  });

  it('shows nobody the events of others, however they are asked for', async () => {
    const id = await deployed(t, 'ada');
    const live = await stream('eve', '?after=0');
    const waiting = t.as('eve').get('/api/events?after=latest&wait=2');
    await deployed(t, 'ada');
    expect((await page('eve', '?limit=1000')).events).toEqual([]);
    expect((await page('eve', `?deployment_id=${id}`)).events).toEqual([]);
    expect(((await waiting).body as Page).events).toEqual([]);
    expect(live.events).toEqual([]);
    await t.as('eve').get('/api/events?all_users=true').expect(403);
    const seen = await page('root', '?all_users=true&limit=1000');
    expect(seen.events.map(({ subject }) => subject)).toContain(id);
    expect((await page('root', '?limit=1000')).events.map(({ subject }) => subject)).not.toContain(id);
  });

  it('a waiting request is answered by the event, long before its time is over', async () => {
    const untilWaiting = countWaiters(t);
    const waiting = t
      .as('ada')
      .get('/api/events?after=latest&wait=30&types=fog.deployment.created')
      .then(({ body }) => body as Page);
    await untilWaiting(1);
    const started = performance.now();
    const id = await deploy(t, 'ada');
    expect((await waiting).events.map(({ subject }) => subject)).toEqual([id]);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('a waiting request without an event is answered when its time is over', async () => {
    const started = performance.now();
    expect(await page('ada', '?after=latest&wait=1&types=fog.deployment.purged')).toMatchObject({ events: [], has_more: false });
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it('streams what is kept and then what comes, and goes on behind Last-Event-ID', async () => {
    const id = await deployed(t, 'ada');
    const first = await stream('ada', `?deployment_id=${id}`);
    expect(first.answer.statusCode).toBe(200);
    expect(first.answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    expect(first.answer.headers['x-request-id']).toBeDefined();
    await first.untilEvents(3);
    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(200);
    await first.untilEvents(4);
    expect(first.types().at(-1)).toBe('fog.deployment.scaled');
    const [, second] = first.events;
    const again = await stream('ada', `?deployment_id=${id}&after=0`, { 'Last-Event-ID': String(second?.id) });
    await again.untilEvents(2);
    expect(again.events.map((event) => event.id)).toEqual(first.events.slice(2, 4).map((event) => event.id));
    expect(again.events[0]?.data).toEqual(first.events[2]?.data);
  });

  it('gives a stream and the pages the same, under load from several sides', async () => {
    const live = await stream('ada', '?after=latest');
    await until(() => live.text !== undefined && live.answer.statusCode === 200);
    const from = (await page('ada', '?after=latest')).position;
    const ids = await Promise.all(Array.from({ length: 12 }, () => deploy(t, 'ada', aSpec())));
    await Promise.all(ids.map((id) => reaches(t, 'ada', id, 'running', 'healthy')));
    await Promise.all(ids.map((id) => t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202)));
    await Promise.all(ids.map((id) => untilType('ada', id, 'deleted')));
    const { events } = await page('ada', `?after=${String(from)}&limit=1000`);
    await live.untilEvents(events.length);
    expect(live.events.map(({ data }) => data.id).slice(0, events.length)).toEqual(events.map(({ id }) => id));
  });

  it('reads the feed once for all streams, not once for each', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => stream('ada', '?after=latest')));
    await Promise.all(clients.map((client) => until(() => client.answer.statusCode === 200)));
    const tap = new QueryTap(t.dataSource);
    const readsWithin = async (ms: number): Promise<number> => {
      const statements = await tap.statements(() => sleep(ms));
      return statements.filter(({ sql }) => sql.includes('FROM event_feed')).length;
    };
    await until(async () => (await readsWithin(2_000)) <= 2, { what: 'each stream to have caught up, and the last teardown to be told' });
    expect(await readsWithin(3_000)).toBeLessThanOrEqual(4);
  });

  it('refuses more streams than one user needs, and takes new ones when old ones have closed', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => stream('eve')));
    expect(clients.map(({ answer }) => answer.statusCode)).toEqual(Array.from({ length: 10 }, () => 200));
    const refused = await stream('eve');
    expect([refused.answer.statusCode, refused.answer.headers['retry-after']]).toEqual([429, '5']);
    clients.forEach((client) => client.close());
    await until(async () => (await stream('eve')).answer.statusCode === 200);
  });

  it('answers HEAD without opening a stream', async () => {
    await t.as('ada').head('/api/events').set('Accept', 'text/event-stream').expect(200).expect('Content-Type', /json/);
  });

  it.each([
    ['?after=x', 'after'],
    ['?after=-1', 'after'],
    ['?limit=0', 'limit'],
    ['?limit=1001', 'limit'],
    ['?wait=31', 'wait'],
    ['?types=fog.deployment.exploded', 'types'],
    ['?deployment_id=1', 'deployment_id'],
    ['?cursor=1', 'cursor'],
  ])('refuses %s', async (query, name) => {
    const { body } = await t.as('ada').get(`/api/events${query}`).expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: name }] });
  });

  it('says when events behind a position are gone, and when a position was never given', async () => {
    const { dataSource } = t;
    const { position } = await page('ada', '?after=latest');
    const beyond = await t
      .as('ada')
      .get(`/api/events?after=${String(position + 1_000)}`)
      .expect(410);
    expect(beyond.body).toMatchObject({ code: 'events_gone', latest_position: position });
    await dataSource.query(`UPDATE event_feed SET purged_through = 2`);
    const gone = await t.as('ada').get('/api/events?after=1').expect(410);
    expect(gone.body).toMatchObject({ code: 'events_gone', oldest_position: 3, detail: expect.stringContaining('no longer kept') });
    await t.as('ada').get('/api/events').set('Last-Event-ID', '1').expect(410);
    await page('ada', '?after=2&limit=1');
    await page('ada', '?limit=1');
    await dataSource.query(`UPDATE event_feed SET purged_through = 0`);
  });

  it('ends streams when their session ends, and keeps the others', async () => {
    const [{ id: sessionId }] = await t.dataSource.query<[{ id: string }]>(
      `SELECT id FROM sessions WHERE user_id = $1 ORDER BY created_at LIMIT 1`,
      [await t.userId('ada')],
    );
    const [ending, staying] = [await stream('ada', '?after=latest'), await stream('root', '?all_users=true&after=latest')];
    await t.dataSource.query(`UPDATE sessions SET revoked_at = now() WHERE id = $1`, [sessionId]);
    await until(() => ending.ended, { what: 'the stream to end' });
    expect(staying.ended).toBe(false);
    // Beats have moved the position to continue from, although no event was sent.
    await until(() => staying.marks.length > 0, { timeoutMs: 40_000, what: 'a beat' });
    await t.dataSource.query(`UPDATE sessions SET revoked_at = NULL WHERE id = $1`, [sessionId]);
  });
});

describe('a process that ends', () => {
  it('ends its streams and answers who waits, at once', async () => {
    const t = await startTestApp();
    try {
      const untilWaiting = countWaiters(t);
      const client = await EventStreamClient.open(`${t.url}/api/events?after=latest`, await t.token('ada', {}));
      const waiting = fetch(`${t.url}/api/events?after=latest&wait=30`, {
        headers: { Authorization: `Bearer ${await t.token('ada', {})}` },
      });
      await untilWaiting(2);
      const started = performance.now();
      const closing = t.app.close();
      expect((await waiting).status).toBe(200);
      await until(() => client.ended);
      expect(performance.now() - started).toBeLessThan(5_000);
      // A connection that becomes idle after the closing began stays for its keep-alive time. The program closes
      // those regularly.
      t.app.getHttpServer().closeAllConnections();
      await closing;
    } finally {
      await t.close();
    }
  });
});

describe('processes apart', () => {
  it('events that a worker publishes reach the streams of an API process, and another worker goes on when one has ended', async () => {
    const t = await startTestApp({ env: { ROLE: 'api' } });
    const aWorker = () => createApp(loadConfig({ ...TEST_ENV, DATABASE_URL: t.databaseUrl, ROLE: 'worker', DATABASE_POOL_SIZE: '5' }));
    const first = await aWorker();
    try {
      const second = await aWorker();
      try {
        const client = await EventStreamClient.open(`${t.url}/api/events?after=0`, await t.token('ada', {}));
        const id = await deployed(t, 'ada');
        await client.untilEvents(3);
        await first.close();
        await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
        await until(() => client.types().includes('fog.deployment.deleted'));
        expect(new Set(client.events.map((event) => event.id)).size).toBe(client.events.length);
        client.close();
      } finally {
        await second.close();
      }
    } finally {
      await t.close();
    }
  });
});
