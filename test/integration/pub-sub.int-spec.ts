import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { Hints } from '../../src/database/hints';
import { PubSub } from '../../src/database/pub-sub';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { TcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';

const TOPIC = 'fog_test';

describe('hints between processes', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  const open: PubSub[] = [];
  const aProcess = (over = dataSource): PubSub => {
    const pubSub = new PubSub(over);
    open.push(pubSub);
    return pubSub;
  };
  const heardBy = (pubSub: PubSub): string[] => {
    const heard: string[] = [];
    pubSub.subscribe(TOPIC, (payload) => heard.push(payload));
    return heard;
  };
  /** Resolves once LISTEN has been answered, so that no hint from now on is missed. */
  const listening = (pubSub: PubSub): Promise<void> => pubSub.inSession(() => Promise.resolve());

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url);
  });
  afterEach(async () => {
    for (const pubSub of open.splice(0)) await pubSub.onApplicationShutdown();
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  it('reach the listeners of the same process at once and only once, and those of others within some milliseconds', async () => {
    const [here, there] = [aProcess(), aProcess()];
    const [own, others] = [heardBy(here), heardBy(there)];
    await Promise.all([listening(here), listening(there)]);
    here.publish(TOPIC, 'first');
    expect(own).toEqual(['first']);
    await until(() => others.length > 0);
    // On one connection answers come in order: what comes back of the first one would be here before the second.
    there.publish(TOPIC, 'second');
    await until(() => own.includes('second'));
    await until(() => others.includes('second'));
    expect([own, others]).toEqual([
      ['first', 'second'],
      ['first', 'second'],
    ]);
  });

  it('that come together and say the same arrive once', async () => {
    const [here, there] = [aProcess(), aProcess()];
    const others = heardBy(there);
    await listening(there);
    for (const payload of ['a', 'a', 'b', 'a']) here.publish(TOPIC, payload);
    await until(() => others.length === 2);
    here.publish(TOPIC, 'end');
    await until(() => others.includes('end'));
    expect(others).toEqual(['a', 'b', 'end']);
  });

  it('are heard again after the connection was broken', async () => {
    const [here, there] = [aProcess(), aProcess()];
    const [own, others] = [heardBy(here), heardBy(there)];
    await Promise.all([listening(here), listening(there)]);
    const listeners = `FROM pg_stat_activity WHERE application_name = 'fog-compute-listen' AND datname = current_database()`;
    const pidsOf = async (): Promise<number[]> =>
      (await dataSource.query<{ pid: number }[]>(`SELECT pid ${listeners}`)).map(({ pid }) => pid);
    const old = await pidsOf();
    await dataSource.query(`SELECT pg_terminate_backend(pid) ${listeners}`);
    await until(async () => (await pidsOf()).every((pid) => !old.includes(pid)), { what: 'the old connections to end' });
    await until(() => {
      here.publish(TOPIC, 'again');
      return others.includes('again');
    });
    // Its own hints still come once each, on the new connection as well.
    let number = 0;
    await until(() => {
      there.publish(TOPIC, `from there ${String(number++)}`);
      return own.some((payload) => payload.startsWith('from there'));
    });
    here.publish(TOPIC, 'the last');
    there.publish(TOPIC, 'the end');
    await until(() => own.includes('the end'));
    expect(own.filter((payload) => payload === 'the last')).toEqual(['the last']);
  });

  it('find another way when the server has stopped answering on their connection', async () => {
    const proxy = await TcpProxy.to(database.url);
    const behind = await openDataSource(proxy.url);
    try {
      const [here, there] = [aProcess(behind), aProcess()];
      const others = heardBy(there);
      heardBy(here);
      await Promise.all([listening(here), listening(there)]);
      proxy.hold();
      here.publish(TOPIC, 'lost');
      await until(() => {
        here.publish(TOPIC, 'later');
        return others.includes('later');
      });
    } finally {
      await behind.destroy();
      proxy.close();
    }
  });
});

describe('what has been hinted at', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let hints: Hints;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url);
    pubSub = new PubSub(dataSource);
  });
  beforeEach(() => {
    hints = new Hints(pubSub, TOPIC, 'mine');
  });
  afterEach(() => hints.end());
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  const LONG_MS = 20_000;
  const isOver = async (wait: Promise<void>): Promise<boolean> => Promise.race([wait.then(() => true), sleep(50, false)]);

  it('since the look began ends the wait at once, and what was before does not', async () => {
    pubSub.publish(TOPIC, 'mine');
    hints.clear();
    const early = hints.wait(LONG_MS);
    expect(await isOver(early)).toBe(false);
    hints.clear();
    expect(await isOver(early)).toBe(true);
    pubSub.publish(TOPIC, 'mine');
    expect(await isOver(hints.wait(LONG_MS))).toBe(true);
  });

  it('during the wait ends it, unless it is about something else', async () => {
    const wait = hints.wait(LONG_MS);
    pubSub.publish(TOPIC, 'of others');
    expect(await isOver(wait)).toBe(false);
    pubSub.publish(TOPIC, 'mine');
    expect(await isOver(wait)).toBe(true);
  });

  it('is not waited for beyond the time, an abort or the end', async () => {
    const abort = new AbortController();
    expect(await isOver(hints.wait(1))).toBe(true);
    const aborted = hints.wait(LONG_MS, abort.signal);
    abort.abort();
    expect(await isOver(aborted)).toBe(true);
    expect(await isOver(hints.wait(LONG_MS, abort.signal))).toBe(true);
    const ended = hints.wait(LONG_MS);
    hints.end();
    expect(await isOver(ended)).toBe(true);
    pubSub.publish(TOPIC, 'mine');
    expect(await isOver(hints.wait(LONG_MS))).toBe(false);
    hints.clear();
  });
});
