import fc from 'fast-check';
import { boundedFaults, boundedMembers, boundedPath, boundedText } from './bounded-words';

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe('the words of an error', () => {
  it('stay as they are when they are ours', () => {
    const faults = [{ pointer: '/resources/cpu', detail: 'must be between 0.5 and 32 cores' }];
    expect(boundedText('There is nothing at this address.')).toBe('There is nothing at this address.');
    expect(boundedFaults(faults)).toEqual(faults);
    expect(boundedMembers({ etag: '"3"', shortages: [{ missing: 1 }] })).toEqual({ etag: '"3"', shortages: [{ missing: 1 }] });
    expect(boundedPath('/api/deployment/list', {})).toBe('/api/deployment/list');
  });

  it('leave the whole path of any route that exists, beside an ordinary sentence', () => {
    const path = `/api/deployment/${'x'.repeat(1_024)}/force-release`;
    expect(boundedPath(path, { detail: boundedText('d'.repeat(500)), status: 404 })).toBe(path);
  });

  it('take less than 4 kB together, and name the first fault, whatever was sent', () => {
    const piece = fc.oneof(fc.string({ maxLength: 9 }), fc.string({ unit: 'binary', maxLength: 9 }));
    const text = fc.tuple(piece, fc.constantFrom(1, 100, 25_000)).map(([part, times]) => part.repeat(times));
    const faults = fc.array(fc.record({ pointer: text, detail: text }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(text, faults, text, text, (detail, all, member, path) => {
        const errors = boundedFaults(all);
        expect(errors.length).toBeGreaterThan(0);
        const others = { type: 'x'.repeat(100), status: 422, detail: boundedText(detail), errors, ...boundedMembers({ member }) };
        expect(bytesOf({ ...others, instance: boundedPath(path, others) })).toBeLessThan(4_096);
      }),
      { numRuns: 50 },
    );
  });

  it.each(['\0'.repeat(2_000), '😀'.repeat(2_000), '"'.repeat(2_000)])(
    'are cut between characters, and well before their bytes run over',
    (text) => {
      const shown = boundedText(text);
      expect(shown).toMatch(/…$/);
      expect(shown).not.toMatch(/\p{Surrogate}/u);
      expect(bytesOf(shown)).toBeLessThanOrEqual(1_000);
    },
  );
});
