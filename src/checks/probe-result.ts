/**
 * What one probe found. The fault of a failure is the `replica`'s, as with a wrong answer; the `way`'s, when the node of the replica
 * is not reached at all, which says nothing about a replica that was healthy; or the `prober`'s own, which says nothing about anybody.
 */
export type ProbeResult =
  { readonly passed: true } | { readonly passed: false; readonly words: string; readonly fault: 'replica' | 'way' | 'prober' };

const OWN_FAULTS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN']);
const FAULTS_OF_THE_WAY: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the address of its node has no IP address',
  EAI_AGAIN: 'the address of its node could not be looked up',
  EAI_FAIL: 'the address of its node could not be looked up',
  ENETUNREACH: 'its node cannot be reached from here',
  EHOSTUNREACH: 'its node cannot be reached from here',
  ENETDOWN: 'the network is down',
  EACCES: 'connections to its node are not allowed here',
  EPERM: 'connections to its node are not allowed here',
};
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'was refused',
  ECONNRESET: 'was cut off',
  EPIPE: 'was cut off',
  ETIMEDOUT: 'was not answered',
};

/** A failure by the code of its error; `what` begins the sentence, such as `GET /healthz`. No address is in the words. */
export function failureOf(what: string, error: NodeJS.ErrnoException): Exclude<ProbeResult, { passed: true }> {
  const code = error.code ?? '';
  if (OWN_FAULTS.has(code)) return { passed: false, fault: 'prober', words: `${what} could not be tried: ${code}` };
  const way = FAULTS_OF_THE_WAY[code];
  if (way !== undefined) return { passed: false, fault: 'way', words: `${what} could not be tried: ${way}` };
  const words = WORDS[code] ?? (code.startsWith('HPE_') ? 'was not answered with HTTP' : 'failed');
  return { passed: false, fault: 'replica', words: `${what} ${words}` };
}
