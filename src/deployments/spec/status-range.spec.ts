import { isStatusRange, readStatusRange, showStatusRange } from './status-range';

describe('a range of status codes', () => {
  it.each([
    ['204', { from: 204, to: 204 }],
    ['200-399', { from: 200, to: 399 }],
    ['100-599', { from: 100, to: 599 }],
  ])('reads %s and shows it alike', (text, range) => {
    expect(isStatusRange(text)).toBe(true);
    expect(readStatusRange(text)).toEqual(range);
    expect(showStatusRange(range)).toBe(text);
  });

  it('shows one number once', () => {
    expect(showStatusRange(readStatusRange('200-200'))).toBe('200');
  });

  it.each(['', '20', '600', '099', '399-200', '200-', '-200', '200-300-400', '2xx', ' 200', '200\n', 200, null, ['200']])(
    'is not %j',
    (value) => {
      expect(isStatusRange(value)).toBe(false);
    },
  );
});
