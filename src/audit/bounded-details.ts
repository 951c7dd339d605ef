import type { AuditDetailsDto } from './dto/audit-details.dto';

/** What a row says of a thing before or after the act. Every member is one that the OpenAPI document shows. */
export type Details = Readonly<AuditDetailsDto>;

/** The same as it is stored. */
type Stored = Readonly<Record<string, unknown>>;

const MAX_BYTES = 4_096;
const MARK = { truncated: true } as const;

/** At most 4 kB of JSON: members are kept in their order while they fit, and `truncated` says that some did not. */
export function boundedDetails(given: object | undefined): Stored | null {
  if (given === undefined) return null;
  const details: Stored = { ...given };
  if (bytes(details) <= MAX_BYTES) return details;
  let kept: Stored = {};
  for (const [name, value] of Object.entries(details)) {
    const more = { ...kept, [name]: value };
    if (bytes({ ...more, ...MARK }) <= MAX_BYTES) kept = more;
  }
  return { ...kept, ...MARK };
}

const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
