import fc from 'fast-check';
import { parseKeepWarm } from './keep-warm';

describe('parseKeepWarm', () => {
  it.each([
    ['1s', 1],
    ['600s', 600],
    ['10m', 600],
    ['1h', 3600],
    ['24h', 86_400],
    ['1440m', 86_400],
    ['86400s', 86_400],
  ])('reads %s', (text, seconds) => {
    expect(parseKeepWarm(text)).toBe(seconds);
  });

  it.each([
    '',
    '0s',
    '0m',
    '10',
    'm',
    '-1m',
    '+1m',
    '1.5h',
    '1e1s',
    '10M',
    ' 10m',
    '10m ',
    '10m\n',
    '010m',
    '25h',
    '1441m',
    '86401s',
    '1d',
    '１m',
  ])('refuses %j', (text) => {
    expect(parseKeepWarm(text)).toBeNull();
  });

  it('reads every whole number of seconds up to a day, and nothing longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999 }), (seconds) => {
        expect(parseKeepWarm(`${String(seconds)}s`)).toBe(seconds <= 86_400 ? seconds : null);
      }),
    );
  });
});
