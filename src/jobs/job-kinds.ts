/** The kinds of work in the background. A job's key names what it works on: a deployment id, a node id, or `all`. */
export const JOB_KINDS = [
  'deployment.reconcile',
  'node.sync',
  'maintenance',
  'audit.seal',
  'operation.run',
  'retention.purge',
  'events.publish',
  'notification.deliver',
] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export interface JobWish {
  readonly kind: JobKind;
  readonly key: string;
  /** The job is due so many milliseconds from now, at once when absent. */
  readonly afterMs?: number;
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

/**
 * Works on one key. It reads the present state instead of being told what changed, so a lost, late or repeated job does no
 * harm. Throwing means the same as `failed`. `signal` aborts when the claim is lost or the process ends.
 */
export interface JobHandler {
  readonly kind: JobKind;
  /** How many jobs of this kind one process works on at a time. */
  readonly concurrency: number;
  handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult>;
}
