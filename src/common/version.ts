import { readFileSync } from 'node:fs';
import { join } from 'node:path';

function read(): string {
  const text = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

/** The version in package.json, the same for the sources and the built program. */
export const VERSION = read();
