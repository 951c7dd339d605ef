/** The bytes that a deployment `d` weighs in the quotas: its labels and all kept revisions. */
export const weightOf = (d: string): string => `
  octet_length(${d}.labels::text)
  + (SELECT coalesce(sum(octet_length(v.spec::text) + coalesce(octet_length(v.env_sealed), 0)), 0)
       FROM deployment_revisions AS v WHERE v.deployment_id = ${d}.id AND v.spec <> '{}')`;
