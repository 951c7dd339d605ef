import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DriverError } from '../runtime-driver';

const FILES = ['ca.pem', 'cert.pem', 'key.pem'] as const;

interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The folder of the certificates for a node: the sub-folder of its name, or else `root`, which is for all nodes. */
export function certificateFolder(root: string, nodeName: string): string {
  const own = /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(nodeName) ? join(root, nodeName) : root;
  return existsSync(join(own, 'cert.pem')) ? own : root;
}

/** Throws `rejected` when a file is missing or cannot be read. */
export function readCertificates(folder: string): Certificates {
  try {
    const read = (file: (typeof FILES)[number]): string => readFileSync(join(folder, file), 'utf8');
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
  } catch (error) {
    throw new DriverError('rejected', 'The certificates for the engine cannot be read: ca.pem, cert.pem and key.pem are needed', {
      cause: error,
    });
  }
}

/** A text that is another one as soon as one of the files is. Empty while one is missing, as between two steps of a replacement. */
export function certificatesState(folder: string): string {
  const states = FILES.map((file) => statSync(join(folder, file), { throwIfNoEntry: false }));
  if (states.includes(undefined)) return '';
  return [folder, ...states.map((state) => `${String(state?.ino)}:${String(state?.mtimeMs)}:${String(state?.size)}`)].join(' ');
}
