import { countOf, outputFrom, type SimulatedOutput } from './simulated-output';

const startedAt = new Date('2026-11-28T06:00:00.000Z');
const after = (ms: number): Date => new Date(startedAt.getTime() + ms);
const output = (over: Partial<SimulatedOutput>): SimulatedOutput => ({
  text: 'a\nb',
  everyMs: null,
  startedAt,
  until: after(10_000),
  ended: false,
  ...over,
});
const lines = (from: number, since: string | null, over: Partial<SimulatedOutput> = {}): string[] =>
  [...outputFrom(output(over), from, since)].map(({ time, line }) => `${time.slice(17, 23)} ${line}`);

describe('what a simulated workload writes', () => {
  it('is all there at its start', () => {
    expect(lines(0, null)).toEqual(['00.000 a', '00.000 b']);
    expect(lines(1, null)).toEqual(['00.000 b']);
    expect(lines(0, '2026-11-28T06:00:00.000000001Z')).toEqual([]);
  });

  it('comes one by one, over and over, until it ends', () => {
    expect(lines(0, null, { everyMs: 500, until: after(1_200) })).toEqual(['00.000 a', '00.500 b', '01.000 a']);
    expect(lines(0, '2026-11-28T06:00:00.500000000Z', { everyMs: 500, until: after(1_200) })).toEqual(['00.500 b', '01.000 a']);
  });

  it('is nothing without lines', () => {
    expect(countOf(output({ text: '' }))).toBe(0);
    expect(countOf(output({ text: '', everyMs: 5 }))).toBe(0);
  });
});
