import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './http/answer';

/**
 * Who calls. `via` tells whether with a session of a person or a token of a machine; `credentialId` is the id of that
 * session or token.
 */
export interface Actor {
  readonly userId: string;
  readonly username: string;
  readonly isAdmin: boolean;
  readonly readOnly: boolean;
  readonly via: 'session' | 'api_token' | 'external';
  readonly credentialId: string;
  /** The one project in which the credential acts, and its role there at most. Absent: it acts wherever its user may. */
  readonly boundTo?: { readonly projectId: string; readonly role: 'viewer' | 'deployer' | 'maintainer' };
}

/** The claim of an idempotency key. The answer is stored under it, in the transaction that decides the request. */
export interface IdempotencyClaim {
  readonly scope: string;
  readonly key: string;
  readonly claim: string;
  /** Makes the answer from the outcome of the request. The answer is what is kept. */
  readonly present: (outcome: unknown) => Answer;
}

/** Which request it is, and from where. */
export interface RequestOrigin {
  readonly requestId: string;
  /** The address of the client, as the nearest trusted proxy reports it. */
  readonly address: string;
}

/** What is known of every request, with or without a credential. */
export interface OpenRequestContext extends RequestOrigin {
  readonly idempotency: IdempotencyClaim | null;
}

/** What a service needs to know of the request it serves. */
export interface RequestContext extends OpenRequestContext {
  readonly actor: Actor;
  /** The request was answered, and its work goes on for the user, also when the credential ends. Absent: it does not. */
  readonly outlivesCredential?: true;
  /** The `If-Match` header as it was sent; null when there was none. */
  readonly ifMatch: string | null;
}

/** What our own hooks and guards put on Fastify's request. */
export interface RequestState {
  id: string;
  ip: string;
  readonly headers: IncomingHttpHeaders;
  user?: Actor;
  idempotency?: IdempotencyClaim;
}
