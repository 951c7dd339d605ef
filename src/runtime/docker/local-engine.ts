import type { NodeTarget } from '../../engines/node-target';
import type { LocalEngine } from '../runtime-driver';
import { ENGINE_REFUSES_USER } from './docker-errors';

/** The engine of this machine, before it is registered as a node. */
export const LOCAL_TARGET: NodeTarget = { id: '00000000-0000-0000-0000-000000000000', name: 'local', runtime: 'docker', endpoint: null };

/** The Docker Engine of this machine, which is reached at `address`. */
export const localDockerEngine = (address: string): LocalEngine => ({
  name: 'Docker Engine',
  address: withoutUserInfo(address),
  target: LOCAL_TARGET,
  adviceOn: ({ message }) => (message === ENGINE_REFUSES_USER ? 'this account may not use it: add it to the group docker' : null),
});

const withoutUserInfo = (address: string): string => address.replace(/\/\/[^/@]*@/, '//');
