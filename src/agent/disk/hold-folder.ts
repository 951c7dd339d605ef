import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { fieldOf } from '../../common/field-of';

/**
 * Makes sure that only one agent uses the folder: two with one identity would take the link from each other for ever. The hold is a
 * socket that has no file, which the kernel gives back however the process ends. Returns what releases it.
 */
export function holdFolder(folder: string): Promise<() => void> {
  if (process.platform !== 'linux') return Promise.resolve(() => undefined);
  const name = createHash('sha256').update(realpathSync(folder)).digest('hex');
  const hold = createServer((socket) => socket.destroy());
  hold.unref();
  return new Promise((resolve, reject) => {
    hold.once('error', (error) => {
      const isHeld = fieldOf(error, 'code') === 'EADDRINUSE';
      reject(isHeld ? new Error(`Another agent uses ${folder}. Stop it, or give this one a DATA_DIR of its own.`) : error);
    });
    hold.listen(`\0fog-compute-agent-${name}`, () => resolve(() => hold.close()));
  });
}
