import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Takes the variables of the file `.env` in the folder, if there is one, into the environment. Throws in words when it cannot be read. */
export function readEnvFile(folder = process.cwd()): void {
  const file = join(folder, '.env');
  if (!existsSync(file)) return;
  try {
    process.loadEnvFile(file);
  } catch (cause) {
    // Node says that there is no such file when this account may not read it.
    throw new Error(`${file} is there and cannot be read: let this account read it, or take it away`, { cause });
  }
}
