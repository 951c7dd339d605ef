import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Statements that do not belong to the request: those of a new connection, and the read of the session, which is
 * remembered for two seconds.
 */
const NOT_OF_A_REQUEST = /^(SELECT version\(\)|SHOW |SET |LISTEN )|FROM sessions s JOIN users/i;

const ENTRY = /^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[(\d+)\] (\S+) (.*?) (LOG|DETAIL|ERROR|STATEMENT|WARNING|HINT|FATAL): {2}(.*)$/;

/**
 * The statements of one request, read from the log of the server while nothing else runs: [{ sql, parameters }]. Needs
 * a service with ROLE=api and a `log_line_prefix` of '%m [%p] %d %a '.
 */
export async function traceStatements({ logFile, url, database, next }) {
  const send = async () => {
    const { path, ...request } = next();
    const answer = await fetch(`${url}${path}`, request);
    await answer.text();
    return answer.status;
  };
  await send(); // fills the service's caches
  await sleep(100);
  const from = statSync(logFile).size;
  const status = await send();
  await sleep(200);
  const found = readEntries(logFile, from).filter((entry) => entry.database === database && entry.application === 'fog-compute');
  return { status, statements: statementsOf(found).filter(({ sql }) => !NOT_OF_A_REQUEST.test(sql)) };
}

/** Takes effect for connections that are opened from now on. */
export const logStatements = (admin, name) => admin.query(`ALTER DATABASE ${name} SET log_statement = 'all'`);

function readEntries(file, from) {
  const handle = openSync(file, 'r');
  const buffer = Buffer.alloc(fstatSync(handle).size - from);
  readSync(handle, buffer, 0, buffer.length, from);
  closeSync(handle);
  const entries = [];
  for (const line of buffer.toString('utf8').split('\n')) {
    const match = ENTRY.exec(line);
    if (match) entries.push({ pid: match[1], database: match[2], application: match[3], kind: match[4], text: match[5] });
    else if (entries.length > 0) entries.at(-1).text += `\n${line.replace(/^\t/, '')}`;
  }
  return entries;
}

function statementsOf(entries) {
  const statements = [];
  for (const { pid, kind, text } of entries) {
    const sql = /^(?:statement|execute [^:]*): ([\s\S]*)$/.exec(text)?.[1];
    if (kind === 'LOG' && sql !== undefined) statements.push({ pid, sql: sql.trim(), parameters: [] });
    if (kind === 'DETAIL' && /^[Pp]arameters: /.test(text)) {
      const owner = statements.findLast((statement) => statement.pid === pid);
      if (owner) owner.parameters = parametersOf(text);
    }
  }
  return statements;
}

function parametersOf(text) {
  const values = [];
  for (const [, index, quoted, bare] of text.matchAll(/\$(\d+) = (?:'((?:[^']|'')*)'|(NULL))/g)) {
    values[Number(index) - 1] = bare === undefined ? quoted.replaceAll("''", "'") : null;
  }
  return values;
}

/**
 * Makes one pgbench statement from the read statements of a request: the page with its columns, and the total as a
 * value beside it. `variables` replaces traced values by SQL expressions over pgbench variables; other parameters stay.
 */
export function toScript(prelude, statements, variables) {
  const isCount = ({ sql }) => /^SELECT count\(/i.test(sql);
  const [first, ...others] = [...statements].sort((a, b) => isCount(a) - isCount(b)).map((statement) => bind(statement, variables));
  const columns = others.map((text, index) => `(${text}) AS beside_${index}`);
  const sql = others.length === 0 ? first : `SELECT page.*, ${columns.join(', ')} FROM (${first}) AS page`;
  return `${prelude}${sql.replace(/\s*\n\s*/g, ' ')};\n`;
}

function bind({ sql, parameters }, variables) {
  // pgbench would take the colons inside 'HH24:MI' for variables.
  const safe = sql.replace(/'[^']*'/g, (literal) => (/:/.test(literal) ? `U&${literal.replaceAll(':', '\\003A')}` : literal));
  return safe.replace(/\$(\d+)/g, (_match, index) => {
    const value = parameters[Number(index) - 1];
    if (value === null || value === undefined) return 'NULL';
    const [, only] = /^\{"?([^,"{}]*)"?\}$/.exec(value) ?? []; // an array of one
    if (only !== undefined && variables[only] !== undefined) return `ARRAY[${variables[only]}]`;
    return variables[value] ?? `'${value.replaceAll("'", "''")}'`;
  });
}
