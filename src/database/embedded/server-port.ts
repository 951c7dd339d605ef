import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const portFile = (home: string): string => join(home, 'port');

/** The port of the last start if it is free, so that notes and tools stay valid; otherwise any free one. */
export async function choosePort(home: string, host: string): Promise<number> {
  const last = existsSync(portFile(home)) ? Number(readFileSync(portFile(home), 'utf8')) : 0;
  const usable = Number.isInteger(last) && last > 0 && last < 65_536;
  const port = (usable ? await tryPort(last, host) : undefined) ?? (await tryPort(0, host));
  if (port !== undefined) return port;
  throw new Error(`There is no free port on ${host} for PostgreSQL. Set DATABASE_URL to a PostgreSQL of your own.`);
}

export function rememberPort(home: string, port: number): void {
  writeFileSync(portFile(home), `${port}\n`);
}

/** The port if it is free (0 asks for any), otherwise undefined. */
async function tryPort(port: number, host: string): Promise<number | undefined> {
  const probe = createServer();
  try {
    const listening = once(probe, 'listening');
    probe.listen(port, host);
    await listening;
    const address = probe.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  } catch {
    return undefined;
  } finally {
    probe.close();
  }
}
