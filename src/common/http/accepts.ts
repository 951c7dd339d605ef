import { MIMEType } from 'node:util';

const JSON_TYPE = 'application/json';
/** The elements of a list; a comma in quotes is none of its own. */
const ELEMENT = /(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g;
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

interface Range {
  readonly essence: string;
  readonly weight: number;
}

/**
 * Whether an `Accept` header (RFC 9110, 12.5.1) asks for this media type rather than for JSON, by its weights and not by its
 * order. JSON wins ties, so nobody gets a stream or an export without having asked for it.
 */
export function prefersToJson(accept: string | undefined, mediaType: string): boolean {
  if (accept === undefined) return false;
  const ranges = (accept.match(ELEMENT) ?? []).flatMap(readRange);
  return weightOf(ranges, mediaType) > weightOf(ranges, JSON_TYPE);
}

/** Nothing for an element that is no media range. */
function readRange(element: string): Range[] {
  try {
    const { essence, params } = new MIMEType(element);
    const q = params.get('q') ?? '1';
    return WEIGHT.test(q) ? [{ essence, weight: Number(q) }] : [];
  } catch {
    return [];
  }
}

/** The most specific range that fits decides; 0 when none does. */
function weightOf(ranges: readonly Range[], mediaType: string): number {
  const [kind = ''] = mediaType.split('/');
  for (const wanted of [mediaType, `${kind}/*`, '*/*']) {
    const fitting = ranges.filter(({ essence }) => essence === wanted);
    if (fitting.length > 0) return Math.max(...fitting.map(({ weight }) => weight));
  }
  return 0;
}
