import { isLoopback } from '../common/engine-address';
import type { AppConfig } from '../config/app-config';

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]']);

/**
 * The command that makes a machine join, to be run there in the folder of this program. PUBLIC_URL is where agents find us; without it
 * this is the address that the process listens at, which other machines may not reach. Where that is not encrypted the command says so, as the
 * agent would refuse it otherwise.
 */
export function joinCommand({ PUBLIC_URL, HOST, PORT }: Pick<AppConfig, 'PUBLIC_URL' | 'HOST' | 'PORT'>, token: string): string {
  const host = EVERYWHERE.has(HOST) ? '127.0.0.1' : HOST.includes(':') && !HOST.startsWith('[') ? `[${HOST}]` : HOST;
  const url = PUBLIC_URL ?? `http://${host}:${String(PORT)}`;
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : host;
  const plain = url.startsWith('http:') && !isLoopback(name) ? 'SERVER_PLAIN_HTTP=true ' : '';
  return `SERVER_URL=${quoted(url)} ${plain}JOIN_TOKEN=${token} ROLE=agent npm start`;
}

/** As a shell reads it, with quotes only where it needs them. */
const quoted = (text: string): string => (/^[\w.:/[\]%@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
