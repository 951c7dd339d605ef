/** What can be looked after in the background. The key of a job names the one thing: a deployment id, a node id, `all`. */
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
  /** Not before so many milliseconds from now; at once when absent. */
  readonly afterMs?: number;
}

/** A claimed job. `claim` fences: every write on behalf of the job checks that the claim still holds. */
export interface ClaimedJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly key: string;
  readonly attempts: number;
  readonly wishes: string;
  readonly claim: string;
}

/** `done` removes the job, `again` keeps it for later, `failed` backs off and shows the words until it works again. */
export type JobResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly afterMs: number }
  /** `afterMs`: a back-off that the handler has told of already. */
  | { readonly kind: 'failed'; readonly words: string; readonly afterMs?: number };

/**
 * Level-driven work on one key: reads what is, not what changed, so a lost, late or repeated job does no harm.
 * Throwing means the same as `failed`. `signal` aborts when the claim is lost or the process ends.
 */
export interface JobHandler {
  readonly kind: JobKind;
  /** How many keys of this kind one process works on at a time. */
  readonly concurrency: number;
  handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult>;
}
