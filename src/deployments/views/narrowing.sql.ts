import { isOnline } from '../../nodes/node-status.sql';
import { contains } from './contains.sql';
import type { ListQuery } from './list-query';

/**
 * SQL for one row with the numbers of replicas that lists show and grade by: `all_running`, `working`, `failed`, `unsure`. `d` is
 * the deployment's row, `seconds` the silence after which a node is offline.
 */
export const replicaCounts = (d: string, seconds: string): string => `
  SELECT count(*) FILTER (WHERE r.status = 'running') AS all_running,
         count(*) FILTER (WHERE r.counts AND r.status <> 'failed') AS working,
         count(*) FILTER (WHERE r.counts AND r.status = 'failed') AS failed,
         count(*) FILTER (WHERE r.counts AND r.status = 'running'
                            AND (r.paused_at IS NOT NULL OR h.healthy IS FALSE OR NOT ${isOnline(seconds)})) AS unsure
    FROM (SELECT id, status, node_id, paused_at, generation = ${d}.generation AND superseded_at IS NULL AS counts
            FROM deployment_replicas
           WHERE deployment_id = ${d}.id AND (status IN ('running', 'failed') OR completed_at IS NOT NULL)) AS r
    JOIN nodes AS n ON n.id = r.node_id
    LEFT JOIN replica_checks AS h ON h.replica_id = r.id`;

/** The health by numbers, as `gradeOf` says. */
const healthIn = (d: string, seconds: string): string => `
  (SELECT CASE WHEN c.working = 0 THEN 'unhealthy'
               WHEN c.failed > 0 OR c.working < ${d}.target_replicas OR c.unsure > 0 THEN 'degraded'
               ELSE 'healthy' END
     FROM (${replicaCounts(d, seconds)}) AS c)`;

/** What `label_keys` gives for these labels, for deployments of all projects. */
export const keysOf = (names: readonly string[] | null, labels: Readonly<Record<string, string>> | null): string[] => [
  ...(names ?? []),
  ...Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`),
];

/** An array of the keys of labels: `keys` is a parameter with them as JSON. With a project, those that only its deployments have. */
export const labelKeys = (keys: string, project: string | null): string =>
  `ARRAY(SELECT ${project === null ? '' : `${project} || ' ' || `}k FROM jsonb_array_elements_text(${keys}) AS k)`;

/** A condition over `deployments AS d`, as `ix_deployments_labels` serves it. */
export const hasLabels = (keys: string): string => `(d.labels <> '{}' AND label_keys(d.project_id, d.labels) @> ${keys})`;

/**
 * The conditions over `deployments AS d`, each with its AND; empty when nothing is narrowed. `keys` is an array of the keys of the
 * labels, `add` takes a value and its type.
 */
export function narrowed(
  { narrowing }: Pick<ListQuery, 'narrowing'>,
  { keys, seconds }: { readonly keys: string; readonly seconds: string },
  add: (value: unknown, as: string) => string,
): string {
  const { labelNames, labels, type, image, health, nodeId } = narrowing;
  return [
    ...(labels === null && labelNames === null ? [] : [hasLabels(keys)]),
    ...(type === null ? [] : [`d.type = ${add(type, 'text')}`]),
    ...(image === null
      ? []
      : [
          `EXISTS (SELECT FROM deployment_revisions AS v WHERE v.deployment_id = d.id AND v.number = d.current_revision
                      AND v.spec->>'image' ILIKE ${add(contains(image), 'text')})`,
        ]),
    ...(nodeId === null
      ? []
      : [
          // An array, so that what is on the node is found first, however many deployments the user has.
          `d.id = ANY (ARRAY(SELECT x.deployment_id FROM deployment_replicas AS x WHERE x.node_id = ${add(nodeId, 'uuid')}
                                AND x.status IN ('pending', 'starting', 'running', 'stopping')))`,
        ]),
    ...(health === null ? [] : [`${healthIn('d', seconds)} = ${add(health, 'text')}`]),
  ]
    .map((condition) => ` AND ${condition}`)
    .join('');
}
