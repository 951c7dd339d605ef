import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '..', '..');
const FOLDER = 'src';
/** Migrations before this one have landed, and are never edited. */
const FIRST_CHECKED = 'database/migrations/1795305622';
/** What shows that a template holds SQL. */
const SQL = /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|VALUES|FROM|WHERE|JOIN|RETURNING|CASE WHEN|EXISTS)\b|\bAS "|= ANY\(|coalesce\(/;
const LAST_COLUMN = 129;

/** The places of lines inside of SQL templates that reach column 130, such as `nodes/nodes.repository.ts:50`. */
function longLines(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(ROOT, FOLDER, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const lines = source.text.split('\n');
  const found = new Set<number>();
  const visit = (node: ts.Node): void => {
    if (ts.isTemplateLiteral(node) && SQL.test(node.getText())) {
      const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
      for (let line = first; line <= last; line++) if ((lines[line] ?? '').length > LAST_COLUMN) found.add(line + 1);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...found].sort((a, b) => a - b).map((line) => `${file}:${line}`);
}

describe('SQL', () => {
  it('ends every line before column 130', () => {
    const files = readdirSync(join(ROOT, FOLDER), { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !(file.startsWith('database/migrations/') && file < FIRST_CHECKED),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap(longLines)).toEqual([]);
  });
});
