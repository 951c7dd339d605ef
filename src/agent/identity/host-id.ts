import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * A name of this machine that a copy of the agent's folder does not take along; null where the system has none. The id itself is for
 * programs of the machine only, so others get a hash of it.
 */
export function hostId(path = '/etc/machine-id'): string | null {
  try {
    const id = readFileSync(path, 'utf8').trim();
    return id === '' ? null : createHash('sha256').update(`fog-compute agent\n${id}`).digest('hex');
  } catch {
    return null;
  }
}
