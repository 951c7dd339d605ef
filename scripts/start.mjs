// `npm start`: builds when the program is missing or older than its sources, then runs it in this process.
// With a name it runs another program of the same build: `node scripts/start.mjs check-invariants`.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [, , name] = process.argv;
const program = join(root, 'dist', name === undefined ? 'main.js' : `${name}.main.js`);
const stamp = join(root, 'dist', '.built-from');
const compiler = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
const lock = join(root, 'node_modules', '.fog-compute-build.lock');
const BUILD_WAIT_MS = 300_000;
const SHELL_WATCH_MS = 250;

class Refusal extends Error {}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Refusal(`fog-compute needs Node.js 20.19 or newer; this is ${process.version}. Install a newer one: https://nodejs.org`);
}

function checkInstalled() {
  if (existsSync(join(root, 'node_modules', '@nestjs', 'core'))) return;
  throw new Refusal(`The packages are not installed. Run \`npm ci\` in ${root}, then start again.`);
}

/** A hash of the text of the sources. Unlike times it is the same after git, archives and container images. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const file of [...filesIn(join(root, 'src')), ...['package.json', 'nest-cli.json', '.swcrc'].map((name) => join(root, name))]) {
    if (existsSync(file))
      hash
        .update(`${relative(root, file)}\0`)
        .update(readFileSync(file))
        .update('\0');
  }
  return hash.digest('hex');
}

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return entry.name.endsWith('.spec.ts') ? [] : [path];
  });
}

function isBuilt(wanted) {
  return existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

async function ensureBuilt() {
  if (existsSync(program) && !existsSync(join(root, 'src'))) return; // only the built program was shipped
  const wanted = fingerprint();
  if (isBuilt(wanted)) return;
  if (!existsSync(compiler)) {
    if (existsSync(program)) return; // an installation without development packages runs what it was given
    throw new Refusal(
      'fog-compute is not built, and the packages that build it are not installed. Run `npm ci --include=dev`, then start again.',
    );
  }
  await alone(async () => {
    if (!isBuilt(wanted)) await build(wanted);
  });
}

async function build(wanted) {
  process.stderr.write('Building fog-compute ... ');
  const begun = performance.now();
  const { code, signal, output } = await run([compiler, 'build']);
  if (signal === 'SIGINT' || signal === 'SIGTERM') throw new Refusal('The build was interrupted.');
  if (code !== 0 || !existsSync(program)) {
    process.stderr.write('failed\n');
    throw new Refusal(`${output.trim()}\n\nThe build failed; the lines above say why. Run \`npm run build\` to try it alone.`);
  }
  writeFileSync(stamp, wanted);
  process.stderr.write(`done in ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
}

function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject).on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

/** Two starts at once must not build into the same folder: the second waits for the first. */
async function alone(work) {
  for (const end = performance.now() + BUILD_WAIT_MS; !takeLock(); await new Promise((resolve) => setTimeout(resolve, 100))) {
    if (performance.now() > end) throw new Refusal(`Another build has not ended for five minutes. If there is none, delete ${lock}.`);
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST')
      throw new Refusal(`fog-compute cannot be built here (${error.message}). Start it once as the owner of ${root}.`);
  }
  if (!isAlive(Number(readFileSync(lock, 'utf8')))) rmSync(lock, { force: true });
  return false;
}

function isAlive(pid) {
  if (!(pid > 0)) return true; // being written right now
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** npm runs scripts in a shell that does not pass SIGTERM on: it ends and leaves us behind. Then we end as well. */
function endWithShell() {
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, SHELL_WATCH_MS).unref();
}

try {
  if (process.env.npm_lifecycle_event !== undefined) endWithShell();
  checkNode();
  checkInstalled();
  process.chdir(root); // .env and a relative DATA_DIR mean the same from wherever it is started
  await ensureBuilt();
} catch (error) {
  process.stderr.write(`${error instanceof Refusal ? error.message : error.stack}\n`);
  process.exit(1);
}
createRequire(import.meta.url)(program);
