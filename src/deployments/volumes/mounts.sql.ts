/**
 * SQL for every mount of a volume: deployments `d`, live or kept, in the revisions `v` that are current or rolled out, and the
 * mounts `m` of these. The volume has the project of `d` and the name of `m`.
 */
export const MOUNTS = `
  deployments AS d
    LEFT JOIN deployment_rollouts AS o ON o.deployment_id = d.id AND o.number = d.open_rollout
    JOIN deployment_revisions AS v
      ON v.deployment_id = d.id AND v.spec ? 'volumes' AND (v.number = d.current_revision OR v.number = o.revision)
   CROSS JOIN LATERAL jsonb_to_recordset(v.spec->'volumes') AS m(name text, path text, "sizeGb" int, "readOnly" boolean)`;
