import type { DataSource } from 'typeorm';
import type { SecretBox } from './common/crypto/secret-box';
import { resealColumn } from './reseal-column';
import { SEALED_COLUMNS } from './sealed-columns';

const SAY_EVERY_MS = 2_000;

interface ResealParts {
  readonly box: SecretBox;
  readonly say: (words: string) => void;
  /** Says how far it is; later looks say only what they have found. */
  readonly isFirst: boolean;
}

/** Encrypts every encrypted column with the present key. `lost` are sentences about what no key could read. */
export async function resealAll(
  dataSource: DataSource,
  { box, say, isFirst }: ResealParts,
): Promise<{ readonly resealed: number; readonly lost: readonly string[] }> {
  let all = 0;
  const lost: string[] = [];
  for (const column of SEALED_COLUMNS) {
    const counted = await resealColumn(dataSource, column, { box, ...(isFirst ? { onPage: progressOf(column.what, say) } : {}) });
    all += counted.resealed;
    if (counted.resealed > 0) say(`${counted.resealed} ${column.what} were encrypted anew.`);
    if (counted.lost > 0)
      lost.push(`${counted.lost} ${column.what} could not be read (ENCRYPTION_KEY_PREVIOUS is for that): ${column.remedy}.`);
  }
  return { resealed: all, lost };
}

/** Says now and then how many were looked at. */
function progressOf(what: string, say: (words: string) => void): (rows: number) => void {
  let seen = 0;
  let said = Date.now();
  return (rows) => {
    seen += rows;
    if (Date.now() - said < SAY_EVERY_MS) return;
    said = Date.now();
    say(`${seen} ${what} looked at …`);
  };
}
