import type { DataSource } from 'typeorm';
import { INVARIANTS, type Invariant } from './invariants.sql';

export interface Violation {
  readonly invariant: Invariant;
  readonly count: number;
  /** The first few violations. */
  readonly examples: readonly { readonly subject: string; readonly detail: string }[];
}

const EXAMPLES = 5;
/** Generous, because checking a large history takes a while on any server. */
const STATEMENT_TIMEOUT_MS = 120_000;

/**
 * Checks every invariant in one snapshot of the database and returns those that do not hold; empty: all do.
 * `graceSeconds` is how long work in the background may take.
 */
export async function checkInvariants(dataSource: DataSource, { graceSeconds }: { graceSeconds: number }): Promise<Violation[]> {
  const runner = dataSource.createQueryRunner();
  const violations: Violation[] = [];
  try {
    await runner.startTransaction('REPEATABLE READ');
    await runner.query(`SET TRANSACTION READ ONLY`);
    await runner.query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    for (const invariant of INVARIANTS) {
      const rows = (await runner.query(
        `WITH grace AS (SELECT make_interval(secs => $1) AS span)
         SELECT subject::text, detail, count(*) OVER ()::int AS count
           FROM (${invariant.sql}) AS violation
          ORDER BY subject LIMIT ${EXAMPLES}`,
        [graceSeconds],
      )) as { subject: string; detail: string; count: number }[];
      const examples = rows.map(({ subject, detail }) => ({ subject, detail }));
      if (rows[0]) violations.push({ invariant, count: rows[0].count, examples });
    }
    await runner.commitTransaction();
    return violations;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}
