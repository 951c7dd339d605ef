import type { LogLine } from '../runtime-driver';

const MAX_LINE_LENGTH = 16_384;

/** What a simulated workload writes, as one look has found it. */
export interface SimulatedOutput {
  readonly text: string;
  /** All lines at the start, or one after the other so many milliseconds apart, over and over. */
  readonly everyMs: number | null;
  readonly startedAt: Date;
  /** Now, or its end. */
  readonly until: Date;
  readonly ended: boolean;
}

/** How many lines it has written so far. */
export function countOf({ text, everyMs, startedAt, until }: SimulatedOutput): number {
  if (text === '') return 0;
  if (everyMs === null) return text.split('\n').length;
  return Math.max(0, Math.floor((until.getTime() - startedAt.getTime()) / everyMs) + 1);
}

/** Its lines from the one with this number on, those of before `since` left out. */
export function* outputFrom(output: SimulatedOutput, first: number, since: string | null): Generator<LogLine, void> {
  const texts = output.text.split('\n');
  const count = countOf(output);
  for (let number = Math.max(0, first, skippable(output, since)); number < count; number++) {
    const time = timeOf(output, number);
    if (since !== null && time < since) continue;
    const text = texts[number % texts.length] ?? '';
    yield { time, stream: 'stdout', line: text.slice(0, MAX_LINE_LENGTH), cut: text.length > MAX_LINE_LENGTH };
  }
}

/** Lines that are surely older, so that a long run need not be walked through. */
function skippable({ everyMs, startedAt }: SimulatedOutput, since: string | null): number {
  return since === null || everyMs === null ? 0 : Math.floor((Date.parse(since) - startedAt.getTime()) / everyMs) - 1;
}

const timeOf = ({ everyMs, startedAt }: SimulatedOutput, number: number): string =>
  new Date(startedAt.getTime() + number * (everyMs ?? 0)).toISOString().replace('Z', '000000Z');
