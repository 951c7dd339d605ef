import type { DataSource } from 'typeorm';

/** A fingerprint of every row of every table that does not change by itself, to show that nothing was written. */
export async function wholeDatabase(dataSource: DataSource): Promise<Record<string, string>> {
  const tables = await dataSource.query<{ name: string }[]>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables
      WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT IN ('sessions', 'jobs') ORDER BY 1`,
  );
  const prints: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await dataSource.query<{ print: string }[]>(
      `SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS print FROM ${name} AS t`,
    );
    prints[name] = row?.print ?? '';
  }
  return prints;
}
