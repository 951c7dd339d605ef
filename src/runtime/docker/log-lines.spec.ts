import fc from 'fast-check';
import type { WorkloadLog } from '../runtime-driver';
import { logLines } from './log-lines';

const frame = (stream: 1 | 2 | 3, text: string): Buffer => {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};
const read = (log: Buffer, tailLines = 10, maxBytes = 1_000_000): Promise<WorkloadLog> => logLines([log], { tailLines, maxBytes });
const BROKEN = 'The engine broke off while it read the lines: the newest ones may be missing';
const linesOf = async (log: Buffer, tailLines?: number): Promise<readonly string[]> => (await read(log, tailLines)).lines;

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
    ['an empty frame', Buffer.concat([frame(1, ''), frame(2, 'x\n')]), 10, ['x']],
    ['empty lines', frame(1, '\n\nx\n'), 10, ['', '', 'x']],
    ['the last lines only', frame(1, '1\n2\n3\n'), 2, ['2', '3']],
    ['no lines at all', frame(1, '1\n'), 0, []],
    ['plain bytes of a terminal', Buffer.from('one\r\ntwo\r\n'), 10, ['one', 'two']],
    ['plain bytes that are fewer than a header', Buffer.from('a\nb'), 10, ['a', 'b']],
  ])('reads %s', async (_name, log, tail, expected) => {
    expect(await linesOf(log, tail)).toEqual(expected);
  });

  it.each<[string, Buffer, readonly string[]]>([
    ['an error of the engine', Buffer.concat([frame(1, 'a\n'), frame(3, 'open /var/lib/docker/x: no such file')]), ['a']],
    ['an error of the engine and nothing else', frame(3, 'open /var/lib/docker/x: no such file'), []],
    ['an error of the engine before more', Buffer.concat([frame(2, 'a\nb'), frame(3, 'x'), frame(1, 'c\n')]), ['a', 'b']],
    ['a frame of no known type', Buffer.concat([frame(1, 'a\n'), Buffer.from([9, 0, 0, 0, 0, 0, 0, 1, 98])]), ['a']],
    ['a frame that is no frame', Buffer.concat([frame(1, 'a\n'), Buffer.from('not a header')]), ['a']],
    ['an answer that broke off in a header', Buffer.concat([frame(1, 'a\n'), Buffer.from([1, 0])]), ['a']],
    ['an answer that broke off in a line', frame(1, 'a\nbcd\n').subarray(0, 12), ['a', 'bc']],
  ])('gives the lines before %s, and says that they may not be all', async (_name, log, lines) => {
    expect(await read(log)).toEqual({ lines, cut: false, error: BROKEN });
  });

  it('cuts a line at 4 kB, whatever comes behind', async () => {
    const long = Buffer.concat([frame(1, 'x'.repeat(100_000)), frame(1, 'y\nz')]);
    expect(await linesOf(long)).toEqual(['x'.repeat(4096), 'z']);
  });

  it('leaves out the older lines that are too many bytes, and says so', async () => {
    const log = frame(1, 'aaaa\nbbbb\nüü\n');
    expect(await read(log, 10, 12)).toEqual({ lines: ['aaaa', 'bbbb', 'üü'], cut: false, error: null });
    expect(await read(log, 10, 11)).toEqual({ lines: ['bbbb', 'üü'], cut: true, error: null });
    expect(await read(log, 2, 11)).toEqual({ lines: ['bbbb', 'üü'], cut: false, error: null });
    expect(await read(log, 10, 3)).toEqual({ lines: [], cut: true, error: null });
  });

  it('does not depend on how the engine cuts its answer into chunks', async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom<1 | 2>(1, 2), fc.stringMatching(/^[a-z\n]{0,30}$/)), { maxLength: 8 });
    const logs = fc.oneof(
      frames.map((all) => Buffer.concat(all.map(([stream, text]) => frame(stream, text)))),
      fc.stringMatching(/^[a-z\n]{0,60}$/).map((text) => Buffer.from(text)),
    );
    const cuts = fc.array(fc.nat({ max: 300 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(logs, cuts, async (log, at) => {
        const edges = [0, ...at.filter((edge) => edge < log.length).sort((a, b) => a - b), log.length];
        const chunks = edges.slice(1).map((edge, i) => log.subarray(edges[i], edge));
        expect(await logLines(chunks, { tailLines: 5, maxBytes: 40 })).toEqual(await read(log, 5, 40));
      }),
    );
  });

  it('takes no more time per byte for a long line: 16 MB without an end of line once took seconds', async () => {
    const log = Buffer.concat(Array.from({ length: 1_000 }, () => frame(1, 'x'.repeat(16_384))));
    const before = process.cpuUsage();
    await linesOf(log);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(500);
  });
});
