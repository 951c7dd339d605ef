import { DriverError } from '../runtime/runtime-driver';
import { SilentNodes } from './silent-nodes';

describe('what is known of silent nodes', () => {
  let now: number;
  let nodes: SilentNodes;
  beforeEach(() => {
    now = 0;
    nodes = new SilentNodes(() => now);
  });

  const fails = async (failure: 'unreachable' | 'timeout' | 'aborted' | 'rejected', nodeId = 'n1'): Promise<void> => {
    await nodes.ask(nodeId, () => Promise.reject(new DriverError(failure, `It was ${failure}`))).catch(() => undefined);
  };

  it('nothing at first, nor of a node that answers or refuses', async () => {
    expect(nodes.wordsOf('n1')).toBeNull();
    await nodes.ask('n1', () => Promise.resolve());
    await fails('rejected');
    await fails('aborted');
    expect([nodes.wordsOf('n1'), nodes.vainOf('n1')]).toEqual([null, 0]);
  });

  it('why it was silent; after a pause one asks for all, and the pauses grow to ten seconds', async () => {
    const pauses: number[] = [];
    for (let n = 0; n < 6; n++) {
      await fails('unreachable');
      const begun = now;
      for (; nodes.wordsOf('n1') !== null; now += 100) expect(nodes.wordsOf('n1')).toBe('It was unreachable');
      pauses.push(now - begun);
      expect(nodes.wordsOf('n1')).toBe('It was unreachable');
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    await nodes.ask('n1', () => Promise.resolve());
    expect([nodes.wordsOf('n1'), nodes.vainOf('n1')]).toEqual([null, 0]);
  });

  it('only of that node', async () => {
    await fails('timeout');
    expect(nodes.wordsOf('n1')).toBe('It was timeout');
    expect(nodes.wordsOf('n2')).toBeNull();
  });

  it('counts calls that fail together once', async () => {
    await Promise.all(Array.from({ length: 60 }, () => fails('timeout')));
    expect(nodes.vainOf('n1')).toBe(1);
  });

  it('that it owes an answer, before any call has failed: no more calls pile up on an engine that hangs', async () => {
    let answer: () => void = () => undefined;
    const open = nodes.ask('n1', () => new Promise<void>((resolve) => (answer = resolve)));
    now = 1_900;
    expect(nodes.wordsOf('n1')).toBeNull();
    now = 3_500;
    expect(nodes.wordsOf('n1')).toBe('no answer for 3 s');
    await nodes.ask('n1', () => Promise.resolve());
    expect(nodes.wordsOf('n1')).toBeNull();
    answer();
    await open;
  });
});
