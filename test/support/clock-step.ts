import type { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction';

/** Written by the clocks of engines, which nobody sets. */
const isOfEngines = ({ table, column }: TimeColumn): boolean =>
  table === 'simulated_workloads' || ['engine_started_at', 'suspended_run_at', 'resume_run_at'].includes(column);

export interface TimeColumn {
  readonly table: string;
  readonly column: string;
}

/** Every stored time of the schema. */
export const timeColumns = (dataSource: Pick<DataSource, 'query'>): Promise<TimeColumn[]> =>
  dataSource.query<TimeColumn[]>(
    `SELECT c.table_name AS table, c.column_name AS column
       FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
      WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'timestamp with time zone'
        AND c.table_name <> 'migrations' ORDER BY 1, 2`,
  );

/**
 * Sets the clock of the database forward by so many seconds, or back if there are fewer than none. The clock of a server cannot
 * be set for one test. Moving everything that it has ever written the other way, in one transaction, looks the same.
 */
export async function stepClock(dataSource: DataSource, seconds: number): Promise<void> {
  await inTransaction(dataSource, async (tx) => {
    await tx.query(`SET LOCAL session_replication_role = replica`);
    const columns = (await timeColumns(tx)).filter((each) => !isOfEngines(each));
    for (const table of new Set(columns.map((each) => each.table))) {
      const moved = columns.filter((each) => each.table === table).map(({ column }) => `${column} = ${column} - make_interval(secs => $1)`);
      await tx.query(`UPDATE ${table} SET ${moved.join(', ')}`, [seconds]);
    }
    await tx.query(
      `UPDATE route_tables SET leaving = coalesce((
         SELECT jsonb_agg(l || jsonb_build_object('since', (l->>'since')::timestamptz - make_interval(secs => $1)))
           FROM jsonb_array_elements(leaving) AS l), '[]')`,
      [seconds],
    );
  });
}
