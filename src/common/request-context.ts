import type { Answer } from './http/answer';

/** Who acts. `via` tells a person's session from a machine's token; `credentialId` is the session's or the token's id. */
export interface Actor {
  readonly userId: string;
  readonly username: string;
  readonly isAdmin: boolean;
  readonly readOnly: boolean;
  readonly via: 'session' | 'api_token' | 'external';
  readonly credentialId: string;
}

/** The claim of an idempotency key: the answer is stored under it in the transaction that decides the request. */
export interface IdempotencyClaim {
  readonly scope: string;
  readonly key: string;
  readonly claim: string;
  /** Turns the outcome of the request into its answer, which is what is kept. */
  readonly present: (outcome: unknown) => Answer;
}

/** Which request it is, and from where. */
export interface RequestOrigin {
  readonly requestId: string;
  /** The client's, as the nearest trusted proxy says. */
  readonly address: string;
}

/** What is known of every request, also a stranger's. */
export interface OpenRequestContext extends RequestOrigin {
  readonly idempotency: IdempotencyClaim | null;
}

/** What a service needs to know of the request it serves. */
export interface RequestContext extends OpenRequestContext {
  readonly actor: Actor;
}

/** What our own hooks and guards put on Fastify's request. */
export interface RequestState {
  id: string;
  ip: string;
  user?: Actor;
  idempotency?: IdempotencyClaim;
}
