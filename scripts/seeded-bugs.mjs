// Does every seeded bug turn its test red? `npm run test:seeded`, or with a part of a bug's name for some of them.
// Works on a throw-away copy of the tree; the tree itself is not touched.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const COPIED = [
  'src',
  'test',
  'scripts',
  'docs',
  '.env.example',
  '.swcrc',
  'jest.config.cjs',
  'nest-cli.json',
  'package.json',
  'tsconfig.json',
];
const TIMEOUT_MS = 240_000;
/**
 * A bug may turn hundreds of tests red, with much output. A run whose output is cut off would count as if it had missed
 * the bug.
 */
const MAX_OUTPUT = 256 * 1024 * 1024;

const wanted = process.argv[2] ?? '';
const bugs = JSON.parse(readFileSync(join(ROOT, 'test/seeded-bugs/bugs.json'), 'utf8')).filter(({ name }) => name.includes(wanted));
const copy = mkdtempSync(join(tmpdir(), 'fog-compute-seeded-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
chmodSync(copy, 0o755); // as root, PostgreSQL runs as another account
for (const path of COPIED) cpSync(join(ROOT, path), join(copy, path), { recursive: true });
symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

/** The names of the tests that failed; `null` when the run ended before the tests. */
function failedTests(test) {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const jest = join(copy, 'node_modules/jest/bin/jest.js');
  const options = ['--json', `--outputFile=${report}`, '--rootDir', copy, '--runTestsByPath', test];
  const run = spawnSync(process.execPath, [jest, ...options], { cwd: copy, encoding: 'utf8', timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT });
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    if (numPassedTests + numFailedTests === 0) throw new Error('no test ran');
    return testResults.flatMap(({ assertionResults, message }) => {
      const failed = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
      return failed.length === 0 && message ? ['(the file as a whole)'] : failed;
    });
  } catch (error) {
    console.error(`${test}: ${String(error)}\n${run.stdout}\n${run.stderr}`.slice(0, 4_000));
    return null;
  }
}

// A red test shows a bug only if it is green without the bug.
const tests = [...new Set(bugs.map(({ test }) => test))];
const red = tests.filter((test) => failedTests(test)?.length !== 0);
for (const test of red) console.log(`RED WITHOUT A BUG  ${test}`);

let missed = 0;
for (const { name, file, find, replace, test } of bugs) {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${file} does not have the text of "${name}" once`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  const failed = failedTests(test);
  writeFileSync(path, source);
  const caught = failed !== null && failed.length > 0;
  if (!caught) missed++;
  console.log(`${caught ? 'caught' : 'MISSED'}  ${name}  [${test}]${caught ? `  ${failed.length} red: ${failed[0]}` : ''}`);
}
console.log(`${bugs.length - missed} of ${bugs.length} seeded bugs were caught; ${red.length} tests were red without one.`);
process.exitCode = missed + red.length > 0 ? 1 : 0;
