/**
 * SQL of the policies that concern the deployment row with this alias, as a JSON array of RetentionPolicy. A scalar
 * subquery for any statement that reads `deployments`, so that a delete needs no statement of its own; `retentionFor`
 * chooses among them.
 */
export const retentionPoliciesOf = (deployment: string): string => `
  (SELECT coalesce(json_agg(json_build_object('selector', policy.selector, 'value', policy.value, 'days', policy.days)), '[]')
     FROM retention_policies AS policy
    WHERE (policy.selector, policy.value) IN
          (SELECT 'user', ${deployment}.user_id::text
            UNION ALL SELECT 'type', ${deployment}.type
            UNION ALL SELECT 'label', label.key || '=' || label.value FROM jsonb_each_text(${deployment}.labels) AS label))`;
