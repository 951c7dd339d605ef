export const DEPLOYMENT_STATUSES = ['pending', 'scheduled', 'running', 'stopped', 'failed', 'deleted'] as const;
export type DeploymentStatus = (typeof DEPLOYMENT_STATUSES)[number];

/** The status before, in the first history row of a deployment. */
export const NO_STATUS = 'none';

/**
 * The whole state machine of a deployment. SQL guards, refusals and docs/state-machine.md are derived from this table. Nothing
 * follows `deleted` here: only a restore leads out of it (`restoredStatus`), which the database's guard enforces.
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

/** A live deployment may always stay in its status: scaling writes `running` to `running` into the history. */
export const canTransition = (from: DeploymentStatus, to: DeploymentStatus): boolean =>
  nextStatuses(from).includes(to) || (from === to && from !== 'deleted');

/** Every status that may change to `to`; bound into the WHERE clause of the one statement that changes a status. */
export const sourcesOf = (to: DeploymentStatus): DeploymentStatus[] => DEPLOYMENT_STATUSES.filter((from) => canTransition(from, to));

export type RestoredStatus = Extract<DeploymentStatus, 'scheduled' | 'stopped'>;

/**
 * The status after a restore of a deployment that was `before` when it was deleted: a stopped one stays stopped, others run
 * again.
 */
export const restoredStatus = (before: DeploymentStatus): RestoredStatus => (before === 'stopped' ? 'stopped' : 'scheduled');

/** True for the statuses in which the deployment should have replicas on nodes. */
export const wantsReplicas = (status: DeploymentStatus): boolean => status === 'scheduled' || status === 'running';
