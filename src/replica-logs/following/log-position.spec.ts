import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { LogLine } from '../../runtime/runtime-driver';
import { LogPosition, ReplicaPosition } from './log-position';

const [ONE, TWO] = [randomUUID(), randomUUID()];
const at = (nanos: number, stream: LogLine['stream'] = 'stdout', line = ''): LogLine => ({
  time: `2026-11-28T06:00:00.${String(nanos).padStart(9, '0')}Z`,
  stream,
  line,
  cut: false,
});
/** What a reading from where the position stands gives. */
const resumed = (log: readonly LogLine[], position: ReplicaPosition): LogLine[] => {
  const since = position.since;
  return log.filter(({ time }) => since === null || time >= since).filter(position.filter());
};

describe('how far a log was told', () => {
  it('is exact with lines of equal times and of two streams, wherever the reading breaks off and goes on', () => {
    const steps = fc.array(
      fc.record({ by: fc.constantFrom(0, 0, 1, 500), stream: fc.constantFrom<LogLine['stream']>('stdout', 'stderr') }),
    );
    fc.assert(
      fc.property(steps, fc.nat(), (all, cut) => {
        // Within a stream times only rise; between the streams the log may be out of order.
        const clock = { stdout: 100, stderr: 90 };
        const log = all.map(({ by, stream }, index) => at((clock[stream] += by), stream, String(index)));
        const position = new ReplicaPosition();
        const told = log.slice(0, cut % (log.length + 1));
        for (const line of told) position.note(line);
        const first = told[0];
        // A line of the other stream from before the first that was told at all is out of reach: nobody knows of it.
        const rest = log
          .slice(told.length)
          .filter(
            ({ time, stream }) => !first || stream === first.stream || time >= first.time || told.some((line) => line.stream === stream),
          );
        expect(resumed(log, position)).toEqual(rest);
      }),
    );
  });

  it('goes through the id of an event unchanged, for each replica', () => {
    const position = new LogPosition();
    for (const line of [at(1), at(1), at(2, 'stderr')]) position.note(ONE, line);
    position.note(TWO, at(7));
    const read = LogPosition.read(position.toString());
    expect([ONE, TWO].map((id) => read?.of(id))).toEqual([ONE, TWO].map((id) => position.of(id)));
    expect(read?.of(randomUUID()).since).toBeNull();
    read?.keepOnly([ONE, TWO]);
    expect(read?.toString()).toBe(position.toString());
    read?.keepOnly([TWO]);
    expect(read?.toString()).toHaveLength(2 + 40);
  });

  it('reads a quiet stream again from ten seconds before the other one at most', () => {
    const position = new ReplicaPosition();
    position.note(at(0, 'stderr'));
    position.note({ ...at(0), time: '2026-11-28T07:00:00.000000000Z' });
    expect(position.since).toBe('2026-11-28T06:59:50.000000000Z');
  });

  it.each(['', '1', '1.', '1.abc', '2.' + 'A'.repeat(40), `1.${'A'.repeat(39)}=`, '12'])('is not read from %j', (text) => {
    expect(LogPosition.read(text)).toBeNull();
  });

  it('takes any bytes that have the right length: they only lead to a strange place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 30, maxLength: 30 }), (bytes) => {
        const position = LogPosition.read(`1.${Buffer.from(bytes).toString('base64url')}`);
        const id = Buffer.from(bytes).toString('hex', 0, 6);
        expect(position?.of(id).since).toMatch(/^\d{4}-/);
      }),
    );
  });
});
