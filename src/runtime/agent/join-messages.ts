/*
 * Joining is one request before the first link: `POST /api/agents/join`, without a credential but the join token in its body.
 */

export interface JoinRequest {
  readonly join_token: string;
  /** Raw 32 bytes of the Ed25519 key that the agent has made and keeps, base64url. */
  readonly public_key: string;
  readonly machine: { readonly hostname: string; readonly machine_id: string; readonly platform: string; readonly program_version: string };
}

export interface JoinAnswer {
  readonly success: true;
  readonly node_id: string;
  readonly node_name: string;
  readonly installation_id: string;
}
