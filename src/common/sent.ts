/** An attempt that failed. */
export interface SendFailure {
  readonly ok: false;
  /** The status of the answer, of HTTP or SMTP; null when there was none. */
  readonly status: number | null;
  /** Why it failed, for the owner of the subscription. It contains nothing of the answer. */
  readonly words: string;
  /** Present when no later attempt can succeed. The subscription is then switched off at once, with this reason. */
  readonly disabledReason?: string;
}

/** The result of one attempt to send an event. */
export type Sent = { readonly ok: true; readonly status: number | null } | SendFailure;
