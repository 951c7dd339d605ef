import fc from 'fast-check';
import { Readable } from 'node:stream';
import type { LogLine } from '../runtime-driver';
import { followedLines } from './followed-lines';

const TIME = '2026-11-28T06:00:00.123456789Z';
const frame = (stream: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
};
const record = (stream: 1 | 2, text: string | Buffer, time = TIME): Buffer =>
  frame(stream, Buffer.concat([Buffer.from(`${time} `), Buffer.from(text)]));
const read = async (chunks: readonly Buffer[]): Promise<LogLine[]> => {
  const lines: LogLine[] = [];
  for await (const line of followedLines(Readable.from(chunks), new AbortController().signal)) lines.push(line);
  return lines;
};
const texts = async (...chunks: Buffer[]): Promise<string[]> => (await read(chunks)).map(({ line }) => line);

describe('followedLines', () => {
  it('gives the time and the stream of every line, in order', async () => {
    const later = '2026-11-28T08:00:01.5+02:00';
    expect(await read([record(1, 'one\n'), record(2, 'two\r\n', later), record(1, '\n')])).toEqual([
      { time: TIME, stream: 'stdout', line: 'one', cut: false },
      { time: '2026-11-28T06:00:01.500000000Z', stream: 'stderr', line: 'two', cut: false },
      { time: TIME, stream: 'stdout', line: '', cut: false },
    ]);
  });

  it('puts a long line together from its records, with another stream between, and cuts it at 16 kB', async () => {
    const parts = Array.from({ length: 64 }, () => record(1, 'x'.repeat(16_384)));
    const all = await read([record(1, 'he'), record(2, 'err\n'), record(1, 'llo\n'), ...parts, record(1, 'y\n'), record(1, 'z\n')]);
    expect(all.map(({ line, cut }) => [line, cut])).toEqual([
      ...[
        ['err', false],
        ['hello', false],
      ],
      ...[
        ['x'.repeat(16_384), true],
        ['z', false],
      ],
    ]);
  });

  it('gives a last line without its end, and any bytes as text', async () => {
    expect(await texts(record(1, 'data: a\u001b[31m\n'), record(1, Buffer.from([0xff, 0, 0x0d, 0x41])))).toEqual([
      'data: a\u001b[31m',
      '\ufffd\u0000\rA',
    ]);
  });

  it.each<[string, Buffer[]]>([
    ['an error of the engine', [record(1, 'a\n'), frame(3, 'open /var/lib/docker/x: no such file')]],
    ['what is no frame', [record(1, 'a\n'), Buffer.from('not a frame at all')]],
    ['a record without a time', [frame(1, 'no time here\n')]],
    ['a time without an end', [frame(1, '2'.repeat(1_000))]],
    ['an end in the middle of a record', [record(1, 'a\n'), record(1, 'bcd\n').subarray(0, 40)]],
    ['an end in a header', [record(1, 'a\n'), Buffer.from([1, 0])]],
  ])('breaks off at %s, in words without its text', async (_what, chunks) => {
    await expect(read(chunks)).rejects.toMatchObject({ failure: 'timeout', message: 'The engine broke off while it read the lines' });
  });

  it('does not depend on how the engine cuts its answer into chunks', async () => {
    const records = fc.array(fc.tuple(fc.constantFrom<1 | 2>(1, 2), fc.stringMatching(/^[a-zü]{0,30}\n?$/)), { maxLength: 8 });
    const cuts = fc.array(fc.nat({ max: 600 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(records, cuts, async (all, at) => {
        const log = Buffer.concat(all.map(([stream, text]) => record(stream, text)));
        const edges = [0, ...at.filter((edge) => edge < log.length).sort((a, b) => a - b), log.length];
        const chunks = edges.slice(1).map((edge, i) => log.subarray(edges[i], edge));
        expect(await read(chunks)).toEqual(await read([log]));
      }),
    );
  });

  it('reads no further than the lines that are taken', async () => {
    let given = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          given += 1;
          yield record(1, 'again\n');
        }
      })(),
      { highWaterMark: 4 },
    );
    const lines = followedLines(endless, new AbortController().signal);
    for (let taken = 0; taken < 10; taken++) await lines.next();
    expect(given).toBeLessThan(30);
    await lines.return();
  });
});
