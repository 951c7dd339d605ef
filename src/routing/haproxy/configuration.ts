import { createHash } from 'node:crypto';
import type { Network } from '../../common/networks';
import { wordsOf, type Answer } from '../builtin/words';

/** The backend for deployments whose replicas are simulated. */
export const SIMULATED_BACKEND = 'fog_simulated';
const SLOT = /^fog_slot_\d+$/;

export interface HaproxySettings {
  /** Where it takes requests, such as `127.0.0.1:8080`. */
  readonly bind: string;
  readonly folder: string;
  readonly socket: string;
  /** Proxies whose `X-Forwarded-*` is passed on. */
  readonly trusted: readonly Network[];
}

/** The files of HAProxy in the folder of the operator. */
export const filesIn = (folder: string) => ({
  configuration: `${folder}/haproxy.cfg`,
  routes: `${folder}/routes.map`,
  records: `${folder}/records.map`,
  answer: (status: string): string => `${folder}/${status}.http`,
});

/** Backends that wait for a deployment, since HAProxy makes none at run time. */
export const slotNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `fog_slot_${String(index + 1).padStart(4, '0')}`);

export const isSlot = (backend: string): boolean => SLOT.test(backend);

/** A backend whose name tells whether HAProxy runs this configuration, servers and maps apart. */
export const markOf = (settings: HaproxySettings, slots: number): string =>
  `fog_layout_${createHash('sha256')
    .update(layout(settings, slots, new Map()))
    .digest('hex')
    .slice(0, 12)}`;

/** The whole configuration. `servers` has by slot the name and the address of each server that takes requests. */
export const configurationOf = (
  settings: HaproxySettings,
  slots: number,
  servers: ReadonlyMap<string, ReadonlyMap<string, string>>,
): string => `${layout(settings, slots, servers)}\nbackend ${markOf(settings, slots)} from fog\n`;

/** By the status code of HAProxy's own answers, what is said in their place. That no replica can be reached is a 502, as everywhere. */
const ANSWERS = { '400': 'bad request', '502': 'unreachable', '503': 'unreachable', '504': 'timeout' } as const;
const REASONS: Readonly<Record<number, string>> = { 400: 'Bad Request', 502: 'Bad Gateway', 504: 'Gateway Timeout' };

/** By path, what HAProxy answers itself. */
export const answerFiles = (folder: string): Map<string, string> =>
  new Map(Object.entries(ANSWERS).map(([status, answer]) => [filesIn(folder).answer(status), answerText(answer)]));

function answerText(answer: Answer): string {
  const { status, line } = wordsOf(answer);
  return [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}`,
    'content-type: text/plain; charset=utf-8',
    'cache-control: no-cache',
    `content-length: ${Buffer.byteLength(line)}`,
    '',
    line,
  ].join('\r\n');
}

/** The words as a string of HAProxy's. */
const says = (answer: Answer): string => {
  const { status, line } = wordsOf(answer);
  return `return status ${status} content-type "text/plain; charset=utf-8" ${status === 503 ? 'hdr Retry-After 1 ' : ''}string "${line.trim()}\\n"`;
};

function layout(
  { bind, folder, socket, trusted }: HaproxySettings,
  slots: number,
  servers: ReadonlyMap<string, ReadonlyMap<string, string>>,
): string {
  const files = filesIn(folder);
  const networks = trusted.map(({ address, prefix }) => `${address}/${prefix}`).join(' ');
  // Without any, an address that no connection comes from.
  const isTrusted = `{ src ${networks === '' ? '255.255.255.255' : networks} }`;
  const said = (header: string, value: string): string =>
    `  http-request set-header ${header} ${value} unless ${isTrusted} { req.hdr(${header}) -m found }`;
  const backends = slotNames(slots).flatMap((slot) => [
    `backend ${slot} from fog_backend`,
    ...[...(servers.get(slot) ?? [])].map(([name, address]) => `  server ${name} ${address}`),
  ]);
  return `# Written by fog-compute from its database. Changes by hand are lost.
global
  stats socket ${socket} mode 660 level admin expose-fd listeners
  stats timeout 30s

defaults fog
  mode http
  timeout connect 2s
  timeout http-request 15s
  timeout http-keep-alive 75s
  timeout client 2m
  timeout server 2m
  timeout tunnel 24h
${Object.keys(ANSWERS)
  .map((status) => `  errorfile ${status} ${files.answer(status)}`)
  .join('\n')}

defaults fog_backend from fog
  balance leastconn
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response
  # In a process that a reload has replaced all backends count as empty, and serve nevertheless.
  http-request ${says('no replica')} if { nbsrv eq 0 } !{ stopping }

frontend fog_compute from fog
  bind ${bind}
  option idle-close-on-response
  http-request set-var(txn.path) path
  http-request set-var(txn.host) req.hdr(host),host_only,lower,regsub(\\.$,)
  http-request set-var(txn.to) var(txn.host),concat(,txn.path,/),map_beg(${files.routes})
  http-request ${says('unknown host')} unless { var(txn.to) -m found }
  # Where this program keeps which backend is whose. Nothing is looked up there.
  http-request ${says('bad request')} if { always_false } { var(txn.host),map(${files.records}) -m found }
  http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }
  http-request disable-l7-retry if { req.hdr_val(content-length) gt 0 }
  http-request disable-l7-retry if { req.hdr(transfer-encoding) -m found }
  http-request del-header x-forwarded-for unless ${isTrusted}
  http-request add-header x-forwarded-for %[src]
${said('x-forwarded-host', '%[req.hdr(host)]')}
${said('x-forwarded-port', '%[dst_port]')}
${said('x-forwarded-proto', 'http')}
${['forwarded', 'x-real-ip', 'te', 'trailer', 'keep-alive', 'proxy-connection', 'http2-settings'].map((name) => `  http-request del-header ${name}`).join('\n')}
  use_backend %[var(txn.to)]

backend ${SIMULATED_BACKEND} from fog
  http-request ${says('simulated')}

${backends.join('\n')}
`;
}
