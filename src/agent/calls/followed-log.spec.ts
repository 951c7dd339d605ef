import { setImmediate as turn } from 'node:timers/promises';
import type { LogLine } from '../../runtime/runtime-driver';
import { FollowedLog } from './followed-log';

const line = (text: string): LogLine => ({ time: '2026-01-01T00:00:00.000000000Z', stream: 'stdout', line: text, cut: false });

/** Counts how many lines were taken of it. */
function log(count: number, length = 1) {
  const taken = { lines: 0 };
  const lines = (async function* () {
    for (; taken.lines < count; taken.lines++) yield await Promise.resolve(line('x'.repeat(length)));
  })();
  return { taken, lines };
}

describe('a log that somebody follows', () => {
  const sent: (readonly LogLine[])[] = [];
  const total = () => sent.flat().length;
  beforeEach(() => sent.splice(0));
  const settle = async () => {
    for (let i = 0; i < 50; i++) await turn();
  };

  it('is sent as far as its reader takes it, and no line more is read', async () => {
    const followed = new FollowedLog();
    const { lines, taken } = log(1_000);
    const passed = followed.pass(lines, new AbortController().signal, (some) => sent.push(some));
    await settle();
    expect(total()).toBe(0);
    followed.more(5);
    await settle();
    expect([total(), taken.lines]).toEqual([5, 4]);
    followed.more(10_000);
    await passed;
    expect(total()).toBe(1_000);
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  it('makes no message that is too large', async () => {
    const followed = new FollowedLog();
    followed.more(1_000);
    await followed.pass(log(60, 16_384).lines, new AbortController().signal, (some) => sent.push(some));
    expect(total()).toBe(60);
    expect(Math.max(...sent.map((some) => JSON.stringify(some).length))).toBeLessThan(300_000);
  });

  it('ends with the abort while it waits', async () => {
    const followed = new FollowedLog();
    const controller = new AbortController();
    const passed = followed.pass(log(10).lines, controller.signal, (some) => sent.push(some));
    controller.abort();
    await passed;
    expect(total()).toBe(0);
  });
});
