import fc from 'fast-check';
import { isoTime, isoTimeOrNull, microsecondsOf } from './json-time';

describe('times in JSON of PostgreSQL', () => {
  it.each([
    ['2026-01-31T12:00:00+00:00', '2026-01-31T12:00:00.000Z', '1769860800000000'],
    ['2026-01-31T12:00:00.5+00:00', '2026-01-31T12:00:00.500Z', '1769860800500000'],
    ['2026-01-31T12:00:00.123999+00:00', '2026-01-31T12:00:00.123Z', '1769860800123999'],
    ['2026-01-31T12:00:00.000001+00:00', '2026-01-31T12:00:00.000Z', '1769860800000001'],
    ['2026-01-31T17:30:00.123456+05:30', '2026-01-31T12:00:00.123Z', '1769860800123456'],
  ])('reads %s', (time, iso, microseconds) => {
    expect(isoTime(time)).toBe(iso);
    expect(microsecondsOf(time)).toBe(microseconds);
  });

  it('agrees with Date on every time', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }), (date) => {
        const written = date.toISOString().replace(/\.?0*Z$/, '+00:00');
        expect(isoTime(written)).toBe(date.toISOString());
        expect(microsecondsOf(written)).toBe(`${String(date.getTime())}000`.padStart(7, '0').replace(/^0+(?=\d{7})/, ''));
      }),
    );
  });

  it('leaves out what is not there', () => {
    expect(isoTimeOrNull(null)).toBeNull();
  });
});
