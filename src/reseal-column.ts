import type { DataSource } from 'typeorm';
import type { SecretBox } from './common/crypto/secret-box';
import { inTransaction } from './database/transaction';
import type { SealedColumn } from './sealed-columns';

/** How many values of a column were encrypted anew, and how many could be read with neither key. */
export interface Resealed {
  readonly resealed: number;
  readonly lost: number;
}

interface Row {
  readonly first: string;
  readonly second: string;
  /** Null: it is under the present key already. */
  readonly sealed: Buffer | null;
}

interface Renewed {
  readonly first: string;
  readonly second: string;
  readonly before: Buffer;
  readonly after: Buffer;
}

/** So many rows are looked at with one statement, and written in one transaction. */
const PAGE = 500;

/**
 * Encrypts a column with the present key of the box, page by page, each in a transaction of its own. Others may write meanwhile: a
 * value that changes under it stays as they wrote it. What is under the present key already stays, and so does what can be read
 * with neither key. So it may be broken off anywhere and begun again. `onPage` is told after each page how many rows were looked
 * at.
 */
export async function resealColumn(
  dataSource: DataSource,
  column: SealedColumn,
  { box, onPage }: { readonly box: SecretBox; readonly onPage?: (rows: number) => void },
): Promise<Resealed> {
  const { page, write } = statementsOf(column);
  const count = { resealed: 0, lost: 0 };
  for (let last: Row | undefined; ;) {
    const values = last ? [last.first, last.second].slice(0, column.key.length) : [];
    const rows = await dataSource.query<Row[]>(page(last !== undefined), [box.head, ...values]);
    const old = rows.flatMap(({ sealed, ...row }) => (sealed === null ? [] : [{ ...row, before: sealed }]));
    const renewed = old.flatMap((row) => renew(row, { column, box }));
    count.lost += old.length - renewed.length;
    if (renewed.length > 0)
      count.resealed += await inTransaction(dataSource, async (tx) => writtenBy(await tx.query(write, valuesOf(renewed))));
    onPage?.(rows.length);
    last = rows.at(-1);
    if (!last || rows.length < PAGE) return count;
  }
}

function renew(
  { first, second, before }: Omit<Renewed, 'after'>,
  { column, box }: { readonly column: SealedColumn; readonly box: SecretBox },
): Renewed[] {
  const place = column.context(first, second);
  const text = box.openOrNull(before, place);
  return text === null ? [] : [{ first, second, before, after: box.seal(text, place) }];
}

function statementsOf({ table, column, key }: SealedColumn): { page: (isLater: boolean) => string; write: string } {
  const [[first, firstType], [second, secondType] = ["''", 'text']] = key;
  const isPair = key.length === 2;
  const order = isPair ? `${first}, ${second}` : first;
  const after = isPair ? `($2::${firstType}, $3::${secondType})` : `($2::${firstType})`;
  return {
    page: (isLater) => `
      SELECT ${first}::text AS first, ${second}::text AS second,
             CASE WHEN substring(${column} FROM 1 FOR octet_length($1::bytea)) <> $1::bytea THEN ${column} END AS sealed
        FROM ${table}
       WHERE ${column} IS NOT NULL ${isLater ? `AND (${order}) > ${after}` : ''}
       ORDER BY ${order} LIMIT ${PAGE}`,
    write: `
      UPDATE ${table} SET ${column} = decode(n.after, 'base64')
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n(first, second, before, after)
       WHERE ${first} = n.first::${firstType} ${isPair ? `AND ${second} = n.second::${secondType}` : ''}
         AND ${column} = decode(n.before, 'base64')`,
  };
}

const valuesOf = (renewed: readonly Renewed[]): string[][] => [
  renewed.map(({ first }) => first),
  renewed.map(({ second }) => second),
  renewed.map(({ before }) => before.toString('base64')),
  renewed.map(({ after }) => after.toString('base64')),
];

/** TypeORM answers an UPDATE with the rows that it returns, and with their number. */
const writtenBy = ([, written]: [unknown[], number]): number => written;
