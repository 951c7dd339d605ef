import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveReplica, LiveReplicas } from '../../deployments/live-replicas.repository';
import type { LogLine, RuntimeDriver } from '../../runtime/runtime-driver';
import { LogStream } from './log-stream';

const replica: LiveReplica = {
  id: randomUUID(),
  status: 'running',
  online: true,
  cpuCores: 1,
  memoryMb: 64,
  node: { id: randomUUID(), name: 'here', runtime: 'simulated', endpoint: null },
};
const line = (text: string): LogLine => ({ time: '2026-11-28T06:00:00.000000000Z', stream: 'stdout', line: text, cut: false });

/** A stream over one replica that writes these lines and goes on, whose deployment is deleted by `end`. */
function streamOf(lines: readonly string[], spend: (bytes: number) => Promise<number>) {
  const stop = new AbortController();
  let listener: (found: LiveReplicas | null) => void = () => undefined;
  const driver: Pick<RuntimeDriver, 'follow'> = {
    follow: () => Promise.resolve(ReadableStream.from(lines.map(line)) as AsyncIterable<LogLine>),
  };
  const stream = new LogStream(
    { since: null, tailLines: 10, position: null },
    {
      watch: (tell) => {
        listener = tell;
        tell({ deleted: false, replicas: [replica] });
        return () => undefined;
      },
      driverFor: () => driver as RuntimeDriver,
      spend,
      count: () => () => undefined,
      signal: stop.signal,
    },
  );
  return { stream, stop, end: () => listener({ deleted: true, replicas: [] }) };
}

describe('a stream of logs', () => {
  it('pauses for as long as the budget says, and says so, without leaving anything out', async () => {
    const texts = Array.from({ length: 6 }, (_, index) => `${String(index)}${'x'.repeat(15_000)}`);
    let asked = 0;
    const { stream, stop } = streamOf(texts, () => Promise.resolve((asked += 1) === 1 ? 300 : 0));
    const seen: string[] = [];
    let pausedAt = 0;
    let goneOnAfter = 0;
    for await (const text of stream.frames()) {
      const event = /event: (\w+)/.exec(text)?.[1];
      if (event === 'paused') pausedAt = performance.now();
      else if (pausedAt > 0 && goneOnAfter === 0) goneOnAfter = performance.now() - pausedAt;
      if (event !== undefined) seen.push(event);
      if (seen.filter((one) => one === 'line').length === texts.length) stop.abort();
    }
    expect(seen.filter((event) => event !== 'line')).toEqual(['joined', 'paused']);
    expect(goneOnAfter).toBeGreaterThan(290);
  });

  it('shows a heartbeat also while it pauses', async () => {
    const { stream, stop } = streamOf(['x'.repeat(15_000), 'y'.repeat(15_000)], () => Promise.resolve(60_000));
    let paused = false;
    for await (const text of stream.frames()) {
      if (text.includes('event: paused')) {
        paused = true;
        stream.beat();
      }
      if (paused && text.startsWith(': ')) stop.abort();
    }
    expect(paused).toBe(true);
  });

  it('sends all lines of a replica that has gone before it ends', async () => {
    const { stream, end } = streamOf(['a', 'b', 'c'], () => Promise.resolve(0));
    const events: string[] = [];
    for await (const text of stream.frames()) {
      const event = /event: (\w+)/.exec(text)?.[1];
      if (event === 'joined') {
        end();
        await sleep(20);
      }
      if (event !== undefined) events.push(event);
    }
    expect(events).toEqual(['joined', 'line', 'line', 'line', 'left', 'end']);
  });
});
