/** The kinds of work in the background. A job's key names what it works on: the id of a deployment, node or volume, or `all`. */
export const JOB_KINDS = [
  'deployment.reconcile',
  'node.sync',
  'node.probe',
  'node.entrances',
  'health.watch',
  'maintenance',
  'audit.seal',
  'operation.run',
  'retention.purge',
  'events.publish',
  'notification.deliver',
  'account.mail_password_link',
  'volume.remove',
] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export interface JobWish {
  readonly kind: JobKind;
  readonly key: string;
  /** The job is due so many milliseconds from now, at once when absent. */
  readonly afterMs?: number;
}

/** Wishes for many jobs of one owner, none of which is there yet, all of them due at once. */
export interface JobWishes {
  readonly kind: JobKind;
  readonly ownerId: string;
  /** In the order in which they are to be worked on. */
  readonly keys: readonly string[];
}

/** A claimed job. Every write for the job checks that `claim` is still its claim. */
export interface ClaimedJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly key: string;
  readonly attempts: number;
  readonly wishes: string;
  readonly claim: string;
}

/** `done` removes the job, `again` keeps it for later, `failed` backs off and shows the words until the job succeeds. */
export type JobResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly afterMs: number }
  /** `afterMs`: the back-off that the handler has chosen and already shown. */
  | { readonly kind: 'failed'; readonly words: string; readonly afterMs?: number };

/** The place that a run takes in its worker, which has only so many. */
export interface Place {
  readonly isTaken: boolean;
  /** The run waits for something that is not ours, such as an engine: another run may have the place meanwhile. */
  leave(): void;
  /** The run goes on, at once, even if there are more runs than places for a moment. */
  take(): void;
}

/**
 * Works on one key. It reads the present state instead of being told what changed, so a lost, late or repeated job does no
 * harm. Throwing means the same as `failed`. `signal` aborts when the claim is lost or the process ends.
 */
export interface JobHandler {
  readonly kind: JobKind;
  /** How many jobs of this kind one process works on at a time. */
  readonly concurrency: number;
  /** How long a job of this kind may be put off at most; what is due later is due now, as the clock was set back. Absent: a day. */
  readonly longestDelayMs?: number;
  /** How many more may be under way that have left their place, which bounds memory and connections. Absent: none. */
  readonly mostAway?: number;
  handle(job: ClaimedJob, signal: AbortSignal, place: Place): Promise<JobResult>;
}
