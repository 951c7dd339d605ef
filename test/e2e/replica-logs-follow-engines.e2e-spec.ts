import { FollowedEngine } from '../support/followed-engine';
import { LogStreamClient } from '../support/log-stream';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('GET /api/deployment/{id}/logs?follow=true from engines', () => {
  let t: TestApp;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api', RUNTIME: 'docker', LOG_MB_PER_MINUTE: '0' } });
  });
  afterEach(() => Promise.all(closing.splice(0).map((close) => close())));
  afterAll(() => t?.close());

  const deployment = async (): Promise<{ engine: FollowedEngine; id: string }> => {
    const engine = await new FollowedEngine().start();
    closing.push(() => engine.close());
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada'), container: { env: { PASSWORD: 'hunter-2-of-ada' } } });
    const node_id = await aNode(t.dataSource, { runtime: 'docker', endpoint: engine.endpoint });
    await aPlacedReplica(t.dataSource, { deployment_id: id, node_id }, { cpuCores: 0.1, memoryMb: 8 });
    return { engine, id };
  };
  const follow = async (id: string, headers: Record<string, string> = {}): Promise<LogStreamClient> => {
    const client = await LogStreamClient.open(`${t.url}/api/deployment/${id}/logs?follow=true&tail=1000`, await t.token('ada'), headers);
    closing.push(() => client.close());
    return client;
  };
  const SAME = '2026-11-28T06:00:00.000000001Z';

  it('passes any line on as one event, whatever is in it', async () => {
    const { engine, id } = await deployment();
    const nasty = ['data: x', 'event: end', 'id: 7', ': nothing', 'a\rb', '\u001b[31mred\u001b[0m', '\u0000\u2028\u2029', '"}', '', 'ü'];
    for (const line of nasty) engine.write(`${line}\n`);
    engine.write(Buffer.from([0xff, 0xfe, 0x0d, 0x41, 0x0a]));
    engine.write('windows\r\n');
    for (let part = 0; part < 64; part++) engine.write('x'.repeat(16_384), { time: SAME });
    engine.write('the end of a megabyte\n', { time: SAME });
    engine.write('last\n', { stream: 2 });
    const stream = await follow(id);
    await stream.untilLines(nasty.length + 4);
    expect(stream.lines()).toEqual([...nasty, '\ufffd\ufffd\rA', 'windows', 'x'.repeat(16_384), 'last']);
    expect(stream.of('line').map(({ data }) => data.cut)).toEqual([...nasty.map(() => false), false, false, true, false]);
    expect(stream.of('line').at(-1)?.data.stream).toBe('stderr');
    expect(stream.strange).toEqual([]);
  });

  it('tells lines of equal times apart when it goes on', async () => {
    const { engine, id } = await deployment();
    for (let index = 0; index < 6; index++) engine.write(`${String(index)}\n`, { time: SAME, stream: index % 3 === 2 ? 2 : 1 });
    const stream = await follow(id);
    await stream.untilLines(6);
    for (const { id: place } of stream.of('line').slice(0, 5)) {
      const index = stream.of('line').findIndex((event) => event.id === place);
      const again = await follow(id, { 'Last-Event-ID': place ?? '' });
      await again.untilLines(5 - index);
      expect(again.lines()).toEqual(stream.lines().slice(index + 1));
      again.close();
    }
  });

  it('goes on where it was when an engine has been away, says so, and shows no address', async () => {
    const { engine, id } = await deployment();
    const stream = await follow(id);
    for (const line of ['1', '2']) engine.write(`${line}\n`, { time: SAME });
    await stream.untilLines(2);
    engine.goAway();
    const { data } = await stream.untilEvent('interrupted');
    expect(data.reason).toMatch(/^The engine/);
    for (const line of ['3', '4']) engine.write(`${line}\n`, { time: SAME });
    engine.comeBack();
    await stream.untilEvent('resumed');
    await stream.untilLines(4);
    expect(stream.lines()).toEqual(['1', '2', '3', '4']);
    const all = JSON.stringify(stream.events);
    expect(all).not.toContain('hunter-2-of-ada');
    expect(all).not.toMatch(/127\.0\.0\.1|tcp:|Bearer|eyJ/);
  });

  it('lets the engine wait for a client that does not read, and then gives it every line', async () => {
    const { engine, id } = await deployment();
    const LINES = 1_000;
    for (let index = 0; index < LINES; index++) engine.write(`${String(index)} ${'x'.repeat(16_000)}\n`);
    const stream = await follow(id);
    stream.answer.pause();
    let before = -1;
    // The buffers of the connections fill, and then nothing moves.
    await until(async () => {
      const same = engine.sent > 0 && engine.sent === before;
      before = engine.sent;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return same;
    });
    // How much they hold the kernel decides: 12.3 of 16 MB have been seen on a busy machine.
    expect(engine.sent).toBeLessThan(LINES * 15_000);
    stream.answer.resume();
    await stream.untilLines(LINES);
    expect(stream.lines().map((line) => Number(line.split(' ')[0]))).toEqual(Array.from({ length: LINES }, (_, index) => index));
  });

  it('leaves the engine when the client goes', async () => {
    const { engine, id } = await deployment();
    const stream = await follow(id);
    await until(() => engine.followers === 1);
    stream.close();
    await until(() => engine.followers === 0, { what: 'the engine to be left' });
  });
});
