import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aSpec } from '../../test/contract/runtime-under-test';
import { LinkServer } from '../../test/support/link-server';
import { MemoryDriver } from '../../test/support/memory-driver';
import { until } from '../../test/support/until';
import { SecretBox } from '../common/crypto/secret-box';
import type { Order, OrdersMessage } from '../runtime/agent/link-messages';
import { Agent, type AgentParts } from './agent';
import { KeptValue } from './disk/kept-value';
import type { TwinFile } from './disk/twin-file';
import { Identity, readIdentity, type KeptIdentity } from './identity/identity';
import { joinedOnce } from './identity/join';
import { makeKeyPair } from './identity/key-pair';
import { Way } from './link/way';
import { joinedAnew, readMemory } from './memory';
import { OrdersStore } from './orders/orders-store';
import { Recollection } from './recollection';

/** A disk that takes no orders beyond so many bytes. */
class RoomFor {
  constructor(
    orders: OrdersStore,
    private bytes: number,
  ) {
    const file = Reflect.get(orders, 'file') as TwinFile;
    const write = file.write.bind(file);
    file.write = (content) =>
      content.length > this.bytes ? Promise.reject(Object.assign(new Error('No space'), { code: 'ENOSPC' })) : write(content);
  }

  is(bytes: number): void {
    this.bytes = bytes;
  }
}

/** The whole agent in this process, with a control plane made from the protocol alone and an engine in memory. */
describe('an agent', () => {
  const box = new SecretBox(Buffer.alloc(32, 'k'));
  let server: LinkServer;
  let folder: string;
  let driver: MemoryDriver;
  let stop: () => Promise<void>;
  let said: string[];

  beforeEach(async () => {
    server = new LinkServer(randomUUID());
    await server.listen();
    folder = mkdtempSync(join(tmpdir(), 'fog-agent-'));
    mkdirSync(join(folder, 'orders'));
    driver = new MemoryDriver();
    said = [];
  });
  afterEach(async () => {
    await stop();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
    expect(server.unlike).toEqual([]);
  });

  /** Starts it from its disk. `isNew`: with a join token that it has not used yet. */
  const start = async ({ keyDays = 30, isNew = false, ...over }: Partial<AgentParts> & { keyDays?: number; isNew?: boolean } = {}) => {
    const ending = new AbortController();
    const say = (words: string): void => void said.push(words);
    const log = { info: say, warn: say, error: say };
    const kept = await KeptValue.open<KeptIdentity | null>(join(folder, 'identity'), readIdentity);
    const fresh = (): KeptIdentity => ({ keys: makeKeyPair(new Date()), nextKeys: null, machineId: randomUUID(), joined: null });
    const identity = new Identity(kept.filledWith(fresh), keyDays);
    const way = new Way({ SERVER_URL: server.url, NO_PROXY: '' });
    const { engineId } = driver;
    const joined = await joinedOnce({ identity, way, token: server.token, engineId, log }, ending.signal);
    const memory = await KeptValue.open(join(folder, 'memory'), readMemory);
    if (isNew) memory.current = joinedAnew(memory.current);
    const orders = await OrdersStore.open(join(folder, 'orders', 'o'), box, memory.current.seenVersion);
    const agent = new Agent({ identity, joined, orders, driver, way, log, recollection: new Recollection(memory, log), ...over });
    const running = agent.run(ending.signal);
    stop = async () => {
      ending.abort();
      await running;
    };
    return { memory, orders };
  };
  const run = (over = {}): string => {
    const spec = aSpec(over);
    server.order({ replicaId: spec.replicaId, will: 'run', spec });
    return spec.replicaId;
  };
  const runs = (replicaId: string) =>
    until(() => server.workloads.get(replicaId)?.phase === 'running', { what: `replica ${replicaId} is reported to run` });

  it('asks again for orders that its disk did not take, tells of them, and goes on with what it runs', async () => {
    await start({ askAgainMs: 100 });
    const before = run();
    await runs(before);
    rmSync(join(folder, 'orders'), { recursive: true });
    const [first, second] = [run(), run()];
    const troubles = () => server.reports.at(-1)?.troubles.map(({ replicaId, message }) => `${replicaId} ${message.slice(0, 33)}`);
    const words = 'The disk of the machine does not ';
    await until(() => troubles()?.length === 2, { what: 'the troubles of both orders' });
    expect(troubles()).toEqual([`${first} ${words}`, `${second} ${words}`]);
    expect(driver.calls).toEqual([`ensure ${before}`]);
    mkdirSync(join(folder, 'orders'));
    await runs(first);
    await runs(second);
    await until(() => troubles()?.length === 0, { what: 'no trouble any more' });
  });

  it('ends what is to go while its disk has no room for what is to start, also when that was ordered before', async () => {
    const { orders } = await start({ askAgainMs: 100 });
    const [kept, goes] = [run(), run()];
    for (const replicaId of [kept, goes]) await runs(replicaId);
    const room = new RoomFor(orders, 6_000);
    const large = run({ env: { LARGE: 'x'.repeat(8_000) } });
    await until(() => server.reports.at(-1)?.troubles.length === 1, { what: 'the trouble of the large one' });
    const end = (replicaId: string) => server.order({ replicaId, will: 'absent', spec: null });
    end(goes);
    await until(() => server.gone.get(goes) === server.orderOf(goes)?.version, { what: 'the end of one' });
    expect(driver.workloads.has(kept)).toBe(true);
    expect(server.reports.at(-1)).toMatchObject({ ordersVersion: 2, troubles: [{ replicaId: large }] });
    end(large);
    await until(() => server.reports.at(-1)?.troubles.length === 0, { what: 'no trouble of what is not wanted any more' });
    room.is(1_000_000);
    await until(() => server.reports.at(-1)?.ordersVersion === server.version, { what: 'all orders' });
    expect(driver.calls.filter((call) => !call.startsWith('remove'))).toEqual([`ensure ${kept}`, `ensure ${goes}`]);
  });

  it.each([
    ['The agent is too old for this control plane: update the agent', { oldest: 2, newest: 3 }],
    ['The control plane is too old for this agent: update the control plane', { oldest: 0, newest: 0 }],
  ])('says in words, and stays away for minutes: %s', async (words, protocols) => {
    await start();
    const replicaId = run();
    await runs(replicaId);
    server.protocols = protocols;
    const hellos = server.hellos.length;
    server.cut();
    const line = await until(() => said.find((one) => one.startsWith(words)), { what: 'the words' });
    expect(Number(/Trying again in ([\d.]+) s/.exec(line)?.[1])).toBeGreaterThanOrEqual(300);
    expect(server.hellos).toHaveLength(hellos);
    expect(driver.calls).toEqual([`ensure ${replicaId}`]);
    expect(driver.workloads.get(replicaId)?.phase).toBe('running');
  });

  it('does not lower the version that it has seen while orders that were damaged come anew', async () => {
    const { memory } = await start();
    const [one, other] = [run(), run()];
    await runs(one);
    await runs(other);
    await until(() => memory.current.made[one] !== undefined && memory.current.made[other] !== undefined, { what: 'what it has made' });
    await stop();
    for (const file of readdirSync(join(folder, 'orders'))) writeFileSync(join(folder, 'orders', file), 'damaged');
    // As the control plane sends more orders than one message takes: the rest is still to come.
    let held: OrdersMessage | null = null;
    server.fate = (message) => {
      if (message.type !== 'orders') return 'arrives';
      held = message;
      return 'is lost';
    };
    const again = await start();
    await until(() => held, { what: 'the orders' });
    expect(server.hellos.at(-1)).toMatchObject({ ordersVersion: 0, seenVersion: 2 });
    server.fate = () => 'arrives';
    const { orders } = held as unknown as OrdersMessage;
    server.say({ type: 'orders', since: null, version: 1, orders: orders.slice(0, 1), forget: [] });
    await until(() => again.orders.book.version === 1, { what: 'the first part' });
    await until(() => server.reports.at(-1)?.ordersVersion === 1, { what: 'a report with it' });
    expect(again.memory.current).toMatchObject({ seenVersion: 2, made: { [one]: 1, [other]: 2 } });
    server.say({ type: 'orders', since: 1, version: 2, orders: orders.slice(1), forget: [] });
    await until(() => server.reports.at(-1)?.ordersVersion === 2, { what: 'the rest' });
    expect(driver.calls).toEqual([`ensure ${one}`, `ensure ${other}`]);
  });

  it('starts nothing new before it has all orders that there are, also after a restart, since the last of them may end what goes first', async () => {
    await start();
    const deploymentId = randomUUID();
    const before = run({ deploymentId });
    await runs(before);
    await stop();
    const [next, end] = [run({ deploymentId, generation: 2 }), server.order({ replicaId: before, will: 'absent', spec: null })];
    server.fate = ({ type }) => (type === 'orders' ? 'is lost' : 'arrives');
    await start();
    await until(() => server.isLinked, { what: 'the link' });
    server.fate = () => 'arrives';
    const say = (since: number, order: Order | undefined) =>
      server.say({ type: 'orders', since, version: since + 1, orders: order === undefined ? [] : [order], forget: [] });
    say(1, server.orderOf(next));
    await until(() => server.reports.at(-1)?.ordersVersion === 2, { what: 'a report with the first part' });
    expect(driver.calls).toEqual([`ensure ${before}`]);
    await stop();
    server.refuse = { code: 'try_later', message: 'Not now' };
    await start({ aloneAfterMs: 1 });
    await until(() => said.some((words) => words.includes('Not now')), { what: 'a start without a link' });
    expect(driver.calls).toEqual([`ensure ${before}`]);
    await stop();
    server.refuse = null;
    await start();
    await runs(next);
    expect(server.gone.get(before)).toBe(end.version);
    expect(driver.calls).toEqual([`ensure ${before}`, `remove ${before}`, `ensure ${next}`]);
  });

  it('carries out the orders that it understands, tells of one that it does not, and keeps that one for a newer version', async () => {
    const strange = randomUUID();
    server.order({ replicaId: strange, will: 'hibernate' as never, spec: null });
    const replica = run();
    await start();
    await runs(replica);
    const [trouble] = server.reports.at(-1)?.troubles ?? [];
    expect(trouble).toMatchObject({ replicaId: strange, version: 1, failure: 'unfit' });
    expect(trouble?.message).toBe('The agent of this machine does not understand the order "hibernate": update the agent');
    await stop();
    const { orders } = await start();
    expect(orders.book.orders.get(strange)?.will).toBe('hibernate');
    expect(driver.calls).toEqual([`ensure ${replica}`]);
  });

  it('answers a question that it does not know in words', async () => {
    await start();
    await until(() => server.isLinked, { what: 'the link' });
    const id = server.call('dance' as never, {} as never);
    const answer = await until(() => server.replies.find((reply) => 'id' in reply && reply.id === id), { what: 'the answer' });
    const message = 'The agent of this machine does not know the question "dance": update the agent';
    expect(answer).toEqual({ type: 'end', id, error: { failure: 'unfit', message } });
  });

  it('does nothing to an engine that took the place of the one that joined, until the machine joins anew', async () => {
    await start();
    const replica = run();
    await runs(replica);
    const first = driver.engineId;
    driver.exchange('another');
    await until(() => server.reports.at(-1)?.engineTrouble?.startsWith('Another engine answers'), { what: 'the trouble of the engine' });
    run();
    await stop();
    await start();
    await until(() => server.reports.at(-1)?.engineTrouble?.startsWith('Another engine answers'), { what: 'the same after a restart' });
    await until(() => server.hellos.length === 2, { what: 'the next hello' });
    expect(server.hellos.map(({ machine }) => machine.engineId)).toEqual([first, 'another']);
    expect(driver.calls).toEqual([`ensure ${replica}`]);
    expect(server.reports.some(({ gone }) => gone.length > 0)).toBe(false);
    await stop();
    await start({ isNew: true });
    await until(() => driver.calls.length > 1, { what: 'what it does to the engine that is its own now' });
    expect(first).not.toBe('another');
  });

  it('changes its key while the link stays up', async () => {
    await start({ keyDays: 1_000 / 86_400_000, keyLookMs: 200 });
    await until(() => server.keyCount >= 2, { what: 'a second key' });
    expect(server.hellos).toHaveLength(1);
    server.cut();
    await until(() => server.hellos.length === 2 && server.isLinked, { what: 'the next link' });
    expect(server.hellos[1]?.keyId).not.toBe(server.hellos[0]?.keyId);
  });
});
