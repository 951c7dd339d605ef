/**
 * SQL for every mount of a volume: deployments `d`, live or kept, in the revisions `v` that are current or rolled out, and the
 * mounts `m` of these. The volume has the project of `d` and the name of `m`. Of a deleted deployment the rollout counts that its deletion
 * ended: its replicas may have written to what the revision brought.
 */
export const MOUNTS = `
  deployments AS d
    JOIN deployment_revisions AS v
      ON v.deployment_id = d.id AND v.spec ? 'volumes'
     AND (v.number = d.current_revision
          OR EXISTS (SELECT 1 FROM deployment_rollouts AS o
                      WHERE o.deployment_id = d.id AND o.revision = v.number
                        AND (o.number = d.open_rollout OR o.finished_at = d.deleted_at)))
   CROSS JOIN LATERAL jsonb_to_recordset(v.spec->'volumes') AS m(name text, path text, "sizeGb" int, "readOnly" boolean)`;
