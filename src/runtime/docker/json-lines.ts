import type { Readable } from 'node:stream';

const MAX_LINE_LENGTH = 1_000_000;

/** The objects of a stream of JSON lines, until the stream ends; throws when it breaks. Lines that are not JSON are skipped. */
export async function* jsonLines(stream: Readable): AsyncGenerator<Record<string, unknown>> {
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    yield* lines.flatMap(parse);
  }
  yield* parse(rest);
}

function parse(line: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? [value] : [];
  } catch {
    return [];
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An inner object; {} when there is none. */
export const recordAt = (value: Record<string, unknown>, key: string): Record<string, unknown> => {
  const inner = value[key];
  return isRecord(inner) ? inner : {};
};
