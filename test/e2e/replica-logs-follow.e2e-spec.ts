import { deployed } from '../support/deployments';
import { LogStreamClient } from '../support/log-stream';
import { SimulatedEngine } from '../support/simulated-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('GET /api/deployment/{id}/logs?follow=true', () => {
  let t: TestApp;
  const open: LogStreamClient[] = [];
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', METRICS_PUBLIC: 'true' } });
    await Promise.all([t.userId('ada'), t.userId('eve')]);
  });
  afterEach(() => open.splice(0).forEach((client) => client.close()));
  afterAll(() => t?.close());

  const talker = (over: object = {}): Promise<string> =>
    deployed(t, 'ada', { env: { SIMULATED_LOG: 'one\ntwo\nthree', SIMULATED_LOG_EVERY_MS: '20' }, ...over });
  const follow = async (id: string, { query = '', user = 'ada', headers = {} } = {}): Promise<LogStreamClient> => {
    const client = await LogStreamClient.open(`${t.url}/api/deployment/${id}/logs?follow=true${query}`, await t.token(user), headers);
    open.push(client);
    return client;
  };

  it('sends every line of every replica as it is written, named and in order', async () => {
    const id = await talker({ replicas: 2 });
    const stream = await follow(id, { query: '&tail=2' });
    expect(stream.answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    await stream.untilLines(40);
    const { replicas } = (await t.as('ada').get(`/api/deployment/status/${id}`).expect(200)).body;
    expect(
      stream
        .of('joined')
        .map(({ data }) => data.replica_id)
        .sort(),
    ).toEqual(replicas.map((replica: { id: string }) => replica.id).sort());
    for (const { id: of } of replicas as { id: string }[]) {
      const lines = stream.lines(of);
      const cycle = ['one', 'two', 'three'];
      const first = cycle.indexOf(lines[0] ?? '');
      expect(lines).toEqual(lines.map((_, index) => cycle[(first + index) % 3]));
    }
    expect(stream.of('line')[0]?.data).toEqual({
      ...{ replica_id: expect.any(String), node_name: expect.any(String), stream: 'stdout', line: expect.any(String), cut: false },
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
    });
  });

  it('goes on behind Last-Event-ID, with no line lost or twice', async () => {
    const id = await talker({ replicas: 2 });
    const times = (stream: LogStreamClient): string[] =>
      stream.of('line').map(({ data }) => `${String(data.replica_id)} ${String(data.time)}`);
    const all: string[] = [];
    const whole = await follow(id, { query: '&tail=1000' });
    let last: string | undefined;
    for (let part = 0; part < 4; part++) {
      const stream = await follow(id, { query: '&tail=1000', headers: last === undefined ? {} : { 'Last-Event-ID': last } });
      await stream.untilLines(15);
      stream.close();
      all.push(...times(stream));
      last = stream.lastEventId;
    }
    expect(new Set(all).size).toBe(all.length);
    for (const { data } of whole.of('joined')) {
      const of = all.filter((time) => time.startsWith(String(data.replica_id)));
      const complete = times(whole).filter((time) => time.startsWith(String(data.replica_id)));
      const until = Math.min(of.length, complete.length);
      expect(of.slice(0, until)).toEqual(complete.slice(0, until));
    }
  });

  it('lets new replicas join, tells of those that leave, and ends in order when the deployment is deleted', async () => {
    const id = await talker();
    const stream = await follow(id);
    await stream.untilLines(3);
    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 3 }).expect(200);
    await until(() => stream.of('joined').length === 3, { what: 'two more to join' });
    await until(() => stream.of('joined').every(({ data }) => stream.lines(data.replica_id).length > 0), { what: 'lines of all' });
    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(200);
    const left = await stream.untilEvent('left');
    expect(stream.of('joined').map(({ data }) => data.replica_id)).toContain(left.data.replica_id);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    expect((await stream.untilEvent('end')).data).toEqual({ reason: 'The deployment was deleted' });
    await until(() => stream.ended);
    expect(stream.of('left')).toHaveLength(3);
    expect(stream.events.at(-1)?.type).toBe('end');
    await t.as('ada').get(`/api/deployment/${id}/logs?follow=true`).expect(404);
  });

  it('says when an engine goes away and when it is back, and goes on there', async () => {
    const id = await talker();
    const stream = await follow(id);
    await stream.untilLines(3);
    const [node] = await t.dataSource.query<{ id: string }[]>(`SELECT node_id AS id FROM deployment_replicas WHERE deployment_id = $1`, [
      id,
    ]);
    const engine = new SimulatedEngine(t.dataSource);
    await engine.setUnreachable(node!.id, true);
    expect((await stream.untilEvent('interrupted')).data.reason).toMatch(/^The engine of node \S+ does not answer/);
    await engine.setUnreachable(node!.id, false);
    await stream.untilEvent('resumed');
    await stream.untilLines(stream.lines().length + 3);
    const times = stream.of('line').map(({ data }) => Date.parse(String(data.time)));
    expect(times.slice(1).map((time, index) => time - times[index]!)).toEqual(times.slice(1).map(() => 20));
  });

  it('ends within five seconds when the token is revoked', async () => {
    const id = await talker();
    const { body } = await t.as('ada').post('/api/auth/tokens').send({ name: 'reader' }).expect(201);
    const stream = await LogStreamClient.open(`${t.url}/api/deployment/${id}/logs?follow=true`, body.token);
    open.push(stream);
    await stream.untilLines(2);
    await t.as('ada').delete(`/api/auth/tokens/${body.id}`).expect(204);
    await until(() => stream.ended, { what: 'the end of the stream' });
  });

  it('has a place for ten streams of one user, counts them, and gives them back', async () => {
    const id = await talker();
    const streams = await Promise.all(Array.from({ length: 10 }, () => follow(id)));
    await Promise.all(streams.map((stream) => stream.untilLines(1)));
    const { body } = await t.as('ada').get(`/api/deployment/${id}/logs?follow=true`).expect(429).expect('Retry-After', /\d/);
    expect(body).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining('open already') });
    for (const stream of streams) stream.close();
    await until(async () => (await follow(id)).answer.statusCode === 200, { what: 'a place' });
  });

  it('is nobody else’s business, refuses what is no position, and reads as before for HEAD', async () => {
    const id = await talker();
    expect((await follow(id, { user: 'eve' })).answer.statusCode).toBe(404);
    await t.as('ada').get(`/api/deployment/${id}/logs?follow=yes`).expect(400);
    await t.as('ada').get(`/api/deployment/${id}/logs?follow=true&since=yesterday`).expect(400);
    const { body } = await t.as('ada').get(`/api/deployment/${id}/logs?follow=true`).set('Last-Event-ID', 'x').expect(400);
    expect(body.errors).toMatchObject([{ pointer: 'Last-Event-ID' }]);
    await t.as('ada').head(`/api/deployment/${id}/logs?follow=true`).expect(200).expect('Content-Type', /json/);
  });

  it('begins at a time, for a stream and for one answer', async () => {
    const id = await talker();
    const stream = await follow(id);
    await stream.untilLines(5);
    const since = String(stream.of('line')[4]?.data.time);
    const later = await follow(id, { query: `&since=${since}&tail=1000` });
    await later.untilLines(3);
    expect(later.of('line')[0]?.data.time).toBe(since);
    const { body } = await t.as('ada').get(`/api/deployment/${id}/logs?since=2999-01-01`).expect(200);
    expect(body).toMatchObject([{ lines: [], error: null }]);
  });
});
