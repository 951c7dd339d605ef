import fc from 'fast-check';
import { helloOf, messageOf, partOf } from './message-shapes';
import { ShapeError, text, words } from './shape';

const line = { time: '2026-01-01T00:00:00.000000000Z', stream: 'stdout', line: 'x', cut: false };

describe('the messages of agents', () => {
  it('are read, or refused in words, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => JSON.stringify({ ...value, type: 'report' })),
        ),
        (raw) => {
          for (const read of [helloOf, messageOf])
            try {
              read(raw);
            } catch (error) {
              expect(error).toBeInstanceOf(ShapeError);
            }
        },
      ),
    );
  });

  it('lose members that nobody asked for', () => {
    const id = '00000000-0000-4000-8000-000000000000';
    expect(partOf('follow', { type: 'lines', id, lines: [{ ...line, more: 1 }], other: 2 })).toEqual({ type: 'lines', lines: [line] });
    expect(partOf('offersImage', { type: 'answer', id, value: true })).toEqual({ type: 'answer', value: true });
  });

  it.each([
    ['logs', { lines: ['x'.repeat(5_000)], cut: false, error: null }],
    ['logs', { lines: 'x', cut: false, error: null }],
    ['offersImage', 'yes'],
    ['sample', { takenAt: 'now' }],
  ] as const)('are refused as answers to %s when they are others', (kind, value) => {
    expect(() => partOf(kind, { type: 'answer', value })).toThrow(ShapeError);
  });

  it('end no link for words that are long: they are cut', () => {
    expect(words(3)('abcdef', 'x')).toBe('abc');
    expect(words(2)('a😀', 'x')).toBe('a\ufffd');
    expect(() => words(3)(7, 'x')).toThrow(ShapeError);
  });

  it('hold no text that the database does not take', () => {
    expect(text(10)('a\0b\ud800c', 'x')).toBe('a\ufffdb\ufffdc');
    expect(text(10)('a😀', 'x')).toBe('a😀');
  });
});
