import type { DataSource } from 'typeorm';

const SCHEMA_PARTS = ['columns', 'constraints', 'indexes', 'triggers', 'functions'] as const;
export type SchemaPart = (typeof SCHEMA_PARTS)[number];

const OURS = `n.nspname = 'public' AND c.relname NOT IN ('typeorm_migrations', 'migrations')`;

const QUERIES: Readonly<Record<SchemaPart, string>> = {
  columns: `
    SELECT format('%s.%s %s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END, ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
                  CASE a.attidentity WHEN '' THEN '' ELSE ' IDENTITY ' || a.attidentity::text END) AS line
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE ${OURS} AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped`,
  constraints: `
    SELECT format('%s %s %s', c.relname, k.conname, pg_get_constraintdef(k.oid)) AS line
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${OURS} AND k.contype <> 'n'`,
  indexes: `
    SELECT pg_get_indexdef(i.indexrelid) AS line
      FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OURS}`,
  triggers: `
    SELECT pg_get_triggerdef(t.oid) AS line
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${OURS} AND NOT t.tgisinternal`,
  functions: `
    SELECT pg_get_functiondef(p.oid) AS line FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'`,
};

/** The schema as sorted lines of the catalog, without the table of applied migrations. */
export async function dumpSchema(dataSource: DataSource): Promise<Record<SchemaPart, string[]>> {
  const dump = {} as Record<SchemaPart, string[]>;
  for (const part of SCHEMA_PARTS) {
    const rows = await dataSource.query<{ line: string }[]>(QUERIES[part]);
    dump[part] = rows.map((row) => row.line).sort();
  }
  return dump;
}
