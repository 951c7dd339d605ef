export const REVISION_STATES = ['current', 'rolling_out', 'previous', 'failed'] as const;
/** `previous`: it was current once. `failed`: it was never rolled out whole. */
export type RevisionState = (typeof REVISION_STATES)[number];

/** An SQL expression for the state of the revision `v` of the deployment `d`. */
export const revisionState = `
  CASE WHEN v.number = d.current_revision THEN 'current'
       WHEN EXISTS (SELECT 1 FROM deployment_rollouts AS o
                     WHERE o.deployment_id = d.id AND o.number = d.open_rollout AND o.revision = v.number
                       AND o.state IN ('progressing', 'paused')) THEN 'rolling_out'
       WHEN EXISTS (SELECT 1 FROM deployment_rollouts AS o
                     WHERE o.deployment_id = d.id AND o.from_revision = v.number) THEN 'previous'
       ELSE 'failed' END`;
