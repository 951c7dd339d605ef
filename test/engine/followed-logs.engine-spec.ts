import { ReplicaPosition } from '../../src/replica-logs/following/log-position';
import { aSpec } from '../contract/runtime-under-test';
import { describeWithEngine, TEST_IMAGE } from '../support/engine';
import { dockerUnderTest, type DockerUnderTest } from './docker-under-test';

const never = new AbortController().signal;
const LINES = 4_000;

describeWithEngine('following the log of a container on a real engine', () => {
  let t: DockerUnderTest;
  beforeAll(async () => {
    t = await dockerUnderTest();
  });
  afterAll(() => t?.close());

  const started = async (script: string): Promise<string> => {
    const spec = { ...aSpec(), image: TEST_IMAGE, command: ['sh', '-c', script] };
    await t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
    return spec.replicaId;
  };

  it('gives every line of both streams exactly once, however often the reading breaks off', async () => {
    const replicaId = await started(
      `i=0; while [ $i -lt ${String(LINES / 2)} ]; do echo $i; echo $i >&2; i=$((i+1)); done; exec sleep 3600`,
    );
    const position = new ReplicaPosition();
    const told: Record<string, number[]> = { stdout: [], stderr: [] };
    let count = 0;
    while (count < LINES) {
      const stop = new AbortController();
      const lines = await t.driver.follow(t.target, replicaId, { since: position.since, tailLines: null, signal: stop.signal });
      const isNew = position.filter();
      const breakAt = Math.min(LINES, count + 1 + Math.floor(Math.random() * 700));
      for await (const line of lines ?? []) {
        if (stop.signal.aborted || !isNew(line)) continue;
        position.note(line);
        told[line.stream]?.push(Number(line.line));
        if ((count += 1) === breakAt) stop.abort();
      }
    }
    const all = Array.from({ length: LINES / 2 }, (_, index) => index);
    expect(told).toEqual({ stdout: all, stderr: all });
    await t.driver.remove(t.target, replicaId, { graceSeconds: 0, signal: never });
  });

  it('puts a line of a megabyte together, cuts it, and goes on behind it', async () => {
    const replicaId = await started(`head -c 1000000 /dev/zero | tr '\\0' x; echo; echo behind; exec sleep 3600`);
    const stop = new AbortController();
    const seen: [length: number, cut: boolean][] = [];
    for await (const { line, cut } of (await t.driver.follow(t.target, replicaId, { since: null, tailLines: null, signal: stop.signal })) ??
      []) {
      seen.push([line.length, cut]);
      if (seen.length === 2) stop.abort();
    }
    expect(seen).toEqual([
      [16_384, true],
      [6, false],
    ]);
    await t.driver.remove(t.target, replicaId, { graceSeconds: 0, signal: never });
  });
});
