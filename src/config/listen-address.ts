import { isIP } from 'node:net';
import { isLoopback } from '../common/engine-address';

const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_.])?$/;
/** Such as `fe80::1%eth0`. */
const WITH_ZONE = /^(?<address>[0-9A-Fa-f:.]+)%[\w.-]+$/;

/** Throws a sentence for what no program can listen on. */
export function requireListenAddress(text: string): void {
  const address = WITH_ZONE.exec(text)?.groups?.address ?? text;
  if (isIP(address) === 0 && !NAME.test(text))
    throw new Error(`${text} is neither an address nor a name of this machine: 127.0.0.1 listens for this machine alone, 0.0.0.0 for all`);
}

const isEverything = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** Whether two programs that listen on these hosts cannot have the same port. */
export const overlap = (one: string, other: string): boolean =>
  one === other || isEverything(one) || isEverything(other) || (isLoopback(one) && isLoopback(other));
