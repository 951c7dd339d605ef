import { fieldOf } from '../../common/field-of';
import type { NodeTarget } from '../../engines/node-target';
import type { DriverError, LocalEngine } from '../runtime-driver';
import { ENGINE_REFUSES_USER } from './docker-errors';

/** The engine of this machine, before it is registered as a node. */
export const LOCAL_TARGET: NodeTarget = { id: '00000000-0000-0000-0000-000000000000', name: 'local', runtime: 'docker', endpoint: null };

/** What the operating system says, in words, with what may be done about it. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ENOTSOCK: 'that is no socket',
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name leads nowhere',
  EAI_AGAIN: 'the name could not be looked up',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that machine',
  ECONNRESET:
    'the connection was closed before an answer, as by a port with TLS that gets plain text, or that refuses the client certificate',
};

/** The Docker Engine of this machine, which is reached at `address`. `isGiven`: by DOCKER_HOST. */
export const localDockerEngine = (address: string, isGiven: boolean): LocalEngine => ({
  name: 'Docker Engine',
  address: withoutUserInfo(address),
  target: LOCAL_TARGET,
  adviceOn: (error) => adviceOn(error, isGiven),
});

/** Nothing is to be said of a machine without an engine of which nobody has said that it has one. */
function adviceOn(error: DriverError, isGiven: boolean): string | null {
  if (error.message === ENGINE_REFUSES_USER) return 'this account may not use it: add it to the group docker';
  const code: unknown = fieldOf(error.cause, 'code');
  if (code === 'ENOENT' && !isGiven) return null;
  const known = error.failure === 'unreachable' && typeof code === 'string' ? REASONS[code] : undefined;
  const reason = known ?? lowerFirst(error.message.replace('of this node ', ''));
  return isGiven ? `${reason}; see DOCKER_HOST${isAboutCertificates(reason) ? ' and DOCKER_CERT_PATH' : ''}` : reason;
}

const isAboutCertificates = (reason: string): boolean => /certificate|TLS/.test(reason);

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const withoutUserInfo = (address: string): string => address.replace(/\/\/[^/@]*@/, '//');
