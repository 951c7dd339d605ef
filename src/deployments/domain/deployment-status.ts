export const DEPLOYMENT_STATUSES = ['pending', 'scheduled', 'running', 'stopped', 'failed', 'deleted'] as const;
export type DeploymentStatus = (typeof DEPLOYMENT_STATUSES)[number];

/** What the first history row of a deployment says it was before. */
export const NO_STATUS = 'none';

/**
 * The whole state machine of a deployment. SQL guards, refusals and docs/state-machine.md are derived from this table.
 * `deleted` has no way out here: only a restore leads out of it (`restoredStatus`), and the database's guard demands that.
 */
const NEXT = {
  pending: ['scheduled', 'failed', 'stopped', 'deleted'],
  scheduled: ['running', 'failed', 'stopped', 'deleted'],
  running: ['stopped', 'deleted'],
  stopped: ['pending', 'deleted'],
  failed: ['pending', 'deleted'],
  deleted: [],
} as const satisfies Record<DeploymentStatus, readonly DeploymentStatus[]>;

export const nextStatuses = (from: DeploymentStatus): readonly DeploymentStatus[] => NEXT[from];

/** Staying is always allowed while the deployment lives: scaling writes `running` to `running` into the history. */
export const canTransition = (from: DeploymentStatus, to: DeploymentStatus): boolean =>
  nextStatuses(from).includes(to) || (from === to && from !== 'deleted');

/** Every status that may move to `to`; bound into the WHERE clause of the one statement that changes a status. */
export const sourcesOf = (to: DeploymentStatus): DeploymentStatus[] => DEPLOYMENT_STATUSES.filter((from) => canTransition(from, to));

export type RestoredStatus = Extract<DeploymentStatus, 'scheduled' | 'stopped'>;

/** What a restore makes of a deployment that was `before` when it was deleted: a stopped one stays stopped, others run again. */
export const restoredStatus = (before: DeploymentStatus): RestoredStatus => (before === 'stopped' ? 'stopped' : 'scheduled');

/** Statuses in which replicas are wanted on nodes. */
export const wantsReplicas = (status: DeploymentStatus): boolean => status === 'scheduled' || status === 'running';
