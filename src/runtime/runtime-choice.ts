import type { DataSource } from 'typeorm';
import type { RuntimeKind } from '../engines/runtime-kinds';
import { makeDrivers, type DriverParts, type Drivers } from './registry';
import { DriverError, type RuntimeDriver } from './runtime-driver';
import { Runtimes } from './runtimes';

const ANSWER_WITHIN_MS = 2_000;

interface Choice {
  readonly driver: RuntimeDriver;
  readonly reason: string;
}

/**
 * Whether the engine of this machine answers, in words. `advice` says what the user can do about it and begins with a blank.
 */
interface Look {
  readonly answers: boolean;
  readonly words: string;
  readonly advice: string;
}

/** Makes the drivers of this process and chooses among them as `RUNTIME` says. */
export async function chooseRuntimes(parts: Omit<DriverParts, 'installationId'>): Promise<Runtimes> {
  const { config, dataSource } = parts;
  const installationId = await readInstallationId(dataSource);
  const inUse = await kindsInUse(dataSource);
  return chooseAmong(makeDrivers({ ...parts, installationId }), config.RUNTIME, inUse);
}

/**
 * `auto` takes an engine of this machine that answers within two seconds, or else a real kind that nodes of this installation have:
 * that its engine does not answer now does not mean that there is none. Otherwise it takes the simulation. A named kind is always
 * taken, even if its engine is away: the engine may come back, and its nodes are offline until then. Nodes of other kinds are
 * served too, except beside the simulation, which serves alone. Throws when there is no driver of the named kind.
 */
export async function chooseAmong(
  { real, simulation }: Drivers,
  wanted: RuntimeKind | 'auto',
  inUse: ReadonlySet<RuntimeKind>,
): Promise<Runtimes> {
  const { driver, reason } =
    wanted === simulation.kind
      ? { driver: simulation, reason: `RUNTIME=${wanted}: nothing runs, containers are simulated` }
      : wanted === 'auto'
        ? await whatAnswers({ real, simulation }, inUse)
        : await whatIsNamed(real, wanted);
  if (driver !== simulation) return new Runtimes(driver, reason, real);
  for (const unused of real) unused.close();
  return new Runtimes(simulation, reason, [simulation]);
}

async function whatAnswers({ real, simulation }: Drivers, inUse: ReadonlySet<RuntimeKind>): Promise<Choice> {
  const misses: string[] = [];
  for (const driver of real) {
    const look = await lookForLocalEngine(driver);
    if (look?.answers) return { driver, reason: look.words };
    if (look) misses.push(`${look.words}${look.advice}`);
  }
  const needed = real.find(({ kind }) => inUse.has(kind));
  if (needed) return { driver: needed, reason: `${misses.join(', ')} yet, and there are nodes of kind ${needed.kind}` };
  return { driver: simulation, reason: `${misses.join(', ')}: containers are simulated` };
}

async function whatIsNamed(real: readonly RuntimeDriver[], wanted: RuntimeKind): Promise<Choice> {
  const driver = real.find(({ kind }) => kind === wanted);
  if (!driver) throw new Error(`RUNTIME=${wanted}: there is no driver for this kind of engine`);
  const look = await lookForLocalEngine(driver);
  if (look?.answers) return { driver, reason: look.words };
  return { driver, reason: `RUNTIME=${wanted}${look ? `, but ${look.words} yet${look.advice}` : ''}` };
}

/** Null when engines of this kind do not come with a machine. */
async function lookForLocalEngine(driver: RuntimeDriver): Promise<Look | null> {
  if (driver.localEngine === null) return null;
  const { name, address, target, adviceOn } = driver.localEngine;
  try {
    const { version } = await driver.info(target, AbortSignal.timeout(ANSWER_WITHIN_MS));
    return { answers: true, words: `${name} ${version} answers at ${address}`, advice: '' };
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    const advice = adviceOn(error);
    return { answers: false, words: `no ${name} answers at ${address}`, advice: advice === null ? '' : ` (${advice})` };
  }
}

/** The kinds of the nodes whose engines have ever answered. */
async function kindsInUse(dataSource: DataSource): Promise<ReadonlySet<RuntimeKind>> {
  const rows = await dataSource.query<{ runtime: RuntimeKind }[]>(
    `SELECT DISTINCT runtime FROM nodes WHERE removed_at IS NULL AND last_heartbeat IS NOT NULL`,
  );
  return new Set(rows.map(({ runtime }) => runtime));
}

async function readInstallationId(dataSource: DataSource): Promise<string> {
  const [row] = await dataSource.query<{ id: string }[]>(`SELECT id FROM installation LIMIT 1`);
  if (row === undefined) throw new Error('The table installation is empty: run the migrations');
  return row.id;
}
