import type { RequestContext } from '../common/request-context';
import type { KnownOperation, Origin } from './operation.types';

/** What an operation remembers of the request that began it. */
export const originOf = ({ requestId, address, actor }: RequestContext): Origin => ({
  requestId,
  address,
  via: actor.via,
  credentialId: actor.credentialId,
});

/**
 * Makes a request context from the origin, for later work: with the rights that the user has now, and without the
 * idempotency key and the condition of the request.
 */
export const contextOf = ({ userId, username, isAdmin, origin }: KnownOperation): RequestContext => ({
  actor: { userId, username, isAdmin, readOnly: false, via: origin.via, credentialId: origin.credentialId },
  requestId: origin.requestId,
  idempotency: null,
  ifMatch: null,
  address: origin.address,
  outlivesCredential: true,
});
