import fc from 'fast-check';
import { boundedFaults, boundedText } from './bounded-words';

describe('the words of an error', () => {
  it('stay as they are when they are ours', () => {
    const faults = [{ pointer: '/resources/cpu', detail: 'must be between 0.5 and 32 cores' }];
    expect(boundedText('There is nothing at this address.')).toBe('There is nothing at this address.');
    expect(boundedFaults(faults)).toEqual(faults);
  });

  it('take less than 4 kB together, and name the first fault, whatever was sent', () => {
    const text = fc.string({ maxLength: 300_000, size: 'max' });
    const faults = fc.array(fc.record({ pointer: text, detail: text }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(text, faults, (detail, all) => {
        const shown = boundedFaults(all);
        expect(shown.length).toBeGreaterThan(0);
        const characters = boundedText(detail).length * 2 + shown.reduce((sum, each) => sum + each.pointer.length + each.detail.length, 0);
        expect(characters).toBeLessThanOrEqual(3_500);
      }),
      { numRuns: 30 },
    );
  });
});
