import { differences, differenceWords } from './differences';
import { mergePatch } from './merge-patch';

describe('a merge patch', () => {
  it('sets what it names, nested members too, and replaces lists as a whole', () => {
    const body = { image: 'a', resources: { cpu: 1, memory: 2 }, ports: [1, 2] };
    expect(mergePatch(body, { resources: { memory: 3 }, ports: [4] })).toEqual({
      image: 'a',
      resources: { cpu: 1, memory: 3 },
      ports: [4],
    });
  });

  it('removes entries of maps by null, and asks for a default of other members by null', () => {
    const body = { env: { A: '1', B: '2' }, command: ['x'] };
    expect(mergePatch(body, { env: { A: null, C: '3' }, command: null, labels: { a: null } })).toEqual({
      env: { B: '2', C: '3' },
      command: null,
      labels: {},
    });
  });

  it('knows no special names', () => {
    const patch = JSON.parse('{"env": {"__proto__": "x", "toString": "y"}}') as Record<string, unknown>;
    const merged = mergePatch({}, patch);
    expect(Object.keys(merged.env as object)).toEqual(['__proto__', 'toString']);
  });
});

describe('the differences of two bodies', () => {
  it('name single variables without their values, and lists as a whole', () => {
    const found = differences(
      { env: { A: 'secret-1' }, command: ['secret-2'], image: 'a', same: { x: 1, y: 2 } },
      { env: { A: 'secret-3', B: '' }, command: ['b'], image: 'b', same: { y: 2, x: 1 } },
    );
    expect(found.map(({ field }) => field)).toEqual(['command', 'env.A', 'env.B', 'image']);
    expect(JSON.stringify(found.slice(1))).not.toContain('secret');
    expect(differenceWords(found)).toBe('command, env.A, env.B, image a → b');
  });

  it('are told in a bounded line', () => {
    const many = Array.from({ length: 300 }, (_, index) => ({ field: `env.V${index}`, from: null, to: null }));
    expect(differenceWords(many).length).toBeLessThan(420);
  });
});
