/** What a row says of a thing before or after the act: a flat object of plain values. */
export type Details = Readonly<Record<string, unknown>>;

const MAX_BYTES = 4_096;
const MARK = { truncated: true } as const;

/** At most 4 kB of JSON: members are kept in their order while they fit, and `truncated` says that some did not. */
export function boundedDetails(details: Details | undefined): Details | null {
  if (details === undefined) return null;
  if (bytes(details) <= MAX_BYTES) return details;
  let kept: Details = {};
  for (const [name, value] of Object.entries(details)) {
    const more = { ...kept, [name]: value };
    if (bytes({ ...more, ...MARK }) <= MAX_BYTES) kept = more;
  }
  return { ...kept, ...MARK };
}

const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
