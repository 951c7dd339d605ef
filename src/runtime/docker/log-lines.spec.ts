import { logLines } from './log-lines';

const frame = (stream: 1 | 2, text: string): Buffer => {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};

describe('logLines', () => {
  it.each<[string, Buffer, number, readonly string[]]>([
    ['an empty log', Buffer.alloc(0), 10, []],
    ['both streams in order', Buffer.concat([frame(1, 'a\n'), frame(2, 'b\n'), frame(1, 'c\n')]), 10, ['a', 'b', 'c']],
    [
      'a line in two frames, with another stream between',
      Buffer.concat([frame(1, 'he'), frame(2, 'err\n'), frame(1, 'llo\n')]),
      10,
      ['err', 'hello'],
    ],
    [
      'a character in two frames',
      Buffer.concat([frame(1, 'x').subarray(0, 8), Buffer.from([0xc3]), Buffer.from([1, 0, 0, 0, 0, 0, 0, 2, 0xbc, 10])]),
      10,
      ['ü'],
    ],
    ['a last line without its end', frame(1, 'a\nb'), 10, ['a', 'b']],
    ['empty lines', frame(1, '\n\nx\n'), 10, ['', '', 'x']],
    ['the last lines only', frame(1, '1\n2\n3\n'), 2, ['2', '3']],
    ['no lines at all', frame(1, '1\n'), 0, []],
    ['plain bytes of a terminal', Buffer.from('one\r\ntwo\r\n'), 10, ['one', 'two']],
  ])('reads %s', (_name, log, tail, expected) => {
    expect(logLines(log, tail)).toEqual(expected);
  });

  it('cuts a line at 4 kB', () => {
    expect(logLines(frame(1, 'x'.repeat(100_000)), 10)).toEqual(['x'.repeat(4096)]);
  });
});
