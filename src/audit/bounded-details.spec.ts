import fc from 'fast-check';
import { boundedDetails } from './bounded-details';

describe('boundedDetails', () => {
  it('keeps what fits as it is', () => {
    expect(boundedDetails(undefined)).toBeNull();
    expect(boundedDetails({ a: 1, b: ['x'] })).toEqual({ a: 1, b: ['x'] });
  });

  it('leaves out the members that are too large, and says so', () => {
    expect(boundedDetails({ name: 'web', labels: { long: 'x'.repeat(5_000) }, replicas: 3 })).toEqual({
      name: 'web',
      replicas: 3,
      truncated: true,
    });
  });

  it('is never larger than 4 kB, whatever it is given', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string({ maxLength: 3_000 }), { maxKeys: 20 }), (details) => {
        expect(Buffer.byteLength(JSON.stringify(boundedDetails(details)))).toBeLessThanOrEqual(4_096);
      }),
    );
  });
});
