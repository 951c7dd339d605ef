import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { HttpCheck, NetworkCheck, TcpCheck } from '../engines/container-spec';
import type { Reach } from '../engines/node-address';
import { failureOf, type ProbeResult } from './probe-result';

/**
 * For so long a connection has to last. The engine accepts connections to a published port itself, before it knows whether
 * anything listens behind it, and closes them if not.
 */
const LASTS_MS = 300;
const MOST_HEADER_BYTES = 16_384;

/**
 * Tries once. It connects to `to` and nowhere else whatever is answered, reads no more than the header of an answer, and leaves no
 * connection behind. Never rejects.
 */
export function probe(check: NetworkCheck, to: Reach): Promise<ProbeResult> {
  return 'http' in check ? probeHttp(check, to) : probeTcp(check, to);
}

function probeHttp({ http: { path, expectStatus }, timeoutSeconds }: HttpCheck, { host, port }: Reach): Promise<ProbeResult> {
  const what = `GET ${path}`;
  return new Promise((resolve) => {
    const asked = request({
      host,
      port,
      path,
      agent: false,
      maxHeaderSize: MOST_HEADER_BYTES,
      headers: { Accept: '*/*', 'User-Agent': 'fog-compute-health' },
    });
    const end = (result: ProbeResult): void => {
      clearTimeout(timer);
      asked.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end(tooLate(what, timeoutSeconds)), timeoutSeconds * 1000);
    const answered = ({ statusCode = 0 }: IncomingMessage): void => {
      const passed = statusCode >= expectStatus.from && statusCode <= expectStatus.to;
      end(passed ? { passed } : { passed, fault: 'replica', words: `${what} answered ${statusCode}` });
    };
    // 101 comes as an upgrade and not as a response. The socket of an upgrade is no longer the request's to destroy.
    asked.once('upgrade', (answer, socket) => {
      socket.destroy();
      answered(answer);
    });
    asked.once('response', answered);
    // Listens on after the end, because a socket that is destroyed may still report an error.
    asked.on('error', (error) => end(failureOf(what, error)));
    asked.end();
  });
}

function probeTcp({ tcp, timeoutSeconds }: TcpCheck, { host, port }: Reach): Promise<ProbeResult> {
  const what = `A connection to port ${tcp.port}`;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (result: ProbeResult): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    let timer = setTimeout(() => end(tooLate(what, timeoutSeconds)), timeoutSeconds * 1000);
    socket.once('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(() => end({ passed: true }), LASTS_MS);
    });
    socket.once('data', () => end({ passed: true }));
    socket.once('end', () => end({ passed: false, fault: 'replica', words: `${what} was closed at once` }));
    socket.on('error', (error) => end(failureOf(what, error)));
  });
}

const tooLate = (what: string, seconds: number): ProbeResult => ({
  passed: false,
  fault: 'replica',
  words: `${what} was not answered within ${seconds} s`,
});
