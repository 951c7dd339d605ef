import { STATUS_CLASSES, type Traffic } from '../traffic';

/** Asks for all servers, with what is under way there. */
export const SERVERS_QUERY = 'show stat -1 4 -1';

/** A server in a backend of HAProxy: a replica, and what is under way there. */
export interface LiveServer {
  readonly slot: string;
  /** The id of the replica, unless somebody else has made it. */
  readonly name: string;
  readonly address: string;
  /** It gets new requests. */
  readonly isReady: boolean;
  /** It takes neither new nor repeated requests, and may be removed when nothing is under way. */
  readonly isOut: boolean;
  readonly weight: string;
  readonly underWay: number;
}

/** What a process of HAProxy has in its memory. */
export interface HaproxyState {
  readonly backends: ReadonlySet<string>;
  readonly servers: readonly LiveServer[];
  /** By host and path, the backends that they lead to. */
  readonly routes: ReadonlyMap<string, readonly string[]>;
  /** By slot, the deployments and ports that are recorded for it; more than one only if it was changed by hand. */
  readonly records: ReadonlyMap<string, readonly string[]>;
}

/** Reads what `SERVERS_QUERY` answers. Throws when that is no table of servers. */
export function readServers(text: string): LiveServer[] {
  const [head = '', ...lines] = text.trim().split('\n');
  const names = head.replace(/^# /, '').split(',');
  const at = (column: string): number => {
    const index = names.indexOf(column);
    if (index < 0) throw new Error(`HAProxy shows no ${column} of its servers`);
    return index;
  };
  const [slot, name, status, weight, current, queued, address] = [
    ...[at('pxname'), at('svname'), at('status'), at('weight')],
    ...[at('scur'), at('qcur'), at('addr')],
  ] as const;
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const cells = line.split(',');
      const cell = (index = -1): string => cells[index] ?? '';
      return {
        slot: cell(slot),
        name: cell(name),
        address: cell(address),
        isReady: cell(status) === 'no check' || cell(status).startsWith('UP'),
        isOut: cell(status).startsWith('MAINT'),
        weight: cell(weight),
        underWay: Number(cell(current)) + Number(cell(queued)),
      };
    });
}

/** Asks for the frontend of this program alone. */
export const TRAFFIC_QUERY = 'show stat fog_compute 1 -1';

/** Reads what `TRAFFIC_QUERY` answers; null when it is something else. */
export function readTraffic(text: string): Traffic | null {
  const [head = '', line = ''] = text.trim().split('\n');
  const cells = line.split(',');
  const names = head.replace(/^# /, '').split(',');
  const cell = (column: string): number => Number(cells[names.indexOf(column)]);
  const classes = STATUS_CLASSES.filter((name) => name !== 'gone').map((name) => [name, cell(`hrsp_${name}`)] as const);
  if (![...classes.map(([, count]) => count), cell('scur')].every(Number.isFinite)) return null;
  return { requests: new Map(classes), openConnections: cell('scur'), answerSeconds: null };
}

/** Reads what `show map` answers: by key, all values in their order. Throws when HAProxy has no such map. */
export function readMap(text: string): Map<string, string[]> {
  const entries = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const [reference, key, value] = line.split(' ');
    if (reference?.startsWith('0x') !== true || key === undefined || value === undefined)
      throw new Error(`it does not run the configuration of this program: ${line}`);
    entries.set(key, [...(entries.get(key) ?? []), value]);
  }
  return entries;
}

/** Reads what `show backend` answers. */
export const readBackends = (text: string): Set<string> => new Set(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')));
