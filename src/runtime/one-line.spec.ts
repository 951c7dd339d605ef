import { oneLine } from './one-line';

describe('oneLine', () => {
  it.each([
    ['no route', 'no route'],
    ['\u001b[1;31mno route\u001b[0m to\tdb\r\n', 'no route to db'],
    ['one\ntwo\0three', 'one two three'],
    [' \n ', ''],
    ['ünï → 🐝', 'ünï → 🐝'],
  ])('makes one line of %j', (text, line) => {
    expect(oneLine(text)).toBe(line);
  });

  it('cuts what is long', () => {
    expect(oneLine('x'.repeat(5_000))).toBe(`${'x'.repeat(199)}…`);
  });
});
