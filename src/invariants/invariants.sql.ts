export interface Invariant {
  readonly id: string;
  /** What always holds. */
  readonly sentence: string;
  /** One row (`subject`, `detail`) per violation. The table `grace (span)` says how long the background may take. */
  readonly sql: string;
  /** What to do when it does not hold. */
  readonly advice: string;
}

export const LIVE_NAMES: Invariant = {
  id: 'live-names-unique',
  sentence: 'No project has two live deployments of one name.',
  sql: `
    SELECT project_id || ' ' || name AS subject, count(*) || ' live deployments' AS detail
      FROM deployments WHERE deleted_at IS NULL GROUP BY project_id, name HAVING count(*) > 1`,
  advice: 'Restore the index uq_deployments_live_name and delete all but one of the deployments through the API.',
};

/** A teardown may be stuck as long as the deployment's job keeps failing and says why. */
export const DELETED_TORN_DOWN: Invariant = {
  id: 'deleted-torn-down',
  sentence: 'A deleted deployment has no replica left to stop, but for those that are kept warm, or its job says why it is stuck.',
  sql: `
    SELECT d.id AS subject, count(*) || ' replicas not stopped since ' || d.deleted_at AS detail
      FROM deployments AS d JOIN deployment_replicas AS r ON r.deployment_id = d.id
     WHERE d.deleted_at < now() - (SELECT span FROM grace) - coalesce((
             SELECT max(x.grace_seconds) FROM deletions AS x WHERE x.deployment_id = d.id), 0) * interval '1 second'
       AND r.status NOT IN ('stopped','failed') AND coalesce(r.warm_until < now() - (SELECT span FROM grace), true)
       AND NOT EXISTS (SELECT 1 FROM jobs AS j
                        WHERE j.kind = 'deployment.reconcile' AND j.key = d.id::text
                          AND j.failing_since IS NOT NULL AND j.last_error IS NOT NULL)
     GROUP BY d.id`,
  advice: 'Check that a worker runs (ROLE=all or worker) and reaches the nodes of these replicas.',
};

export const NO_OVERCOMMITMENT: Invariant = {
  id: 'no-overcommitment',
  sentence: 'The open reservations of a node never exceed its capacity.',
  sql: `
    SELECT n.id AS subject,
           format('%s: reserved %s of %s cores, %s of %s MB, %s of %s GPU units, %s of %s GB',
                  n.name, sum(v.cpu_cores), n.cpu_cores,
                  sum(v.memory_mb), n.memory_mb, sum(v.gpu_units), n.gpu_units, sum(v.storage_gb), n.storage_gb) AS detail
      FROM nodes AS n JOIN reservations AS v ON v.node_id = n.id AND v.released_at IS NULL
     GROUP BY n.id
    HAVING sum(v.cpu_cores) > n.cpu_cores OR sum(v.memory_mb) > n.memory_mb
        OR sum(v.gpu_units) > n.gpu_units OR sum(v.storage_gb) > n.storage_gb`,
  advice: 'Cordon the node, then scale down or delete deployments on it until it fits.',
};

export const RESERVATIONS_MATCH: Invariant = {
  id: 'reservations-match-replicas',
  sentence: 'A stopped replica holds no reservation; a starting or running one holds its own.',
  sql: `
    SELECT r.id AS subject, 'stopped, with an open reservation' AS detail
      FROM deployment_replicas AS r JOIN reservations AS v ON v.replica_id = r.id AND v.released_at IS NULL
     WHERE r.status = 'stopped'
     UNION ALL
    SELECT r.id, r.status || ', without an open reservation on its node'
      FROM deployment_replicas AS r
     WHERE r.status IN ('starting','running')
       AND NOT EXISTS (SELECT 1 FROM reservations AS v
                        WHERE v.replica_id = r.id AND v.node_id = r.node_id AND v.released_at IS NULL)`,
  advice: 'Report this with the log of the deployment: a status was written outside its transaction.',
};

export const STATUS_IN_HISTORY: Invariant = {
  id: 'status-in-history',
  sentence: 'The status of a deployment is the one that its newest history row says.',
  sql: `
    SELECT d.id AS subject, format('is %s, history says %s', d.status, coalesce(h.new_status, 'nothing')) AS detail
      FROM deployments AS d
      LEFT JOIN LATERAL (SELECT new_status FROM deployment_status_history
                          WHERE deployment_id = d.id ORDER BY id DESC LIMIT 1) AS h ON true
     WHERE h.new_status IS DISTINCT FROM d.status`,
  advice: 'Report this with the log of the deployment: a status was written without its history row.',
};

export const DELETED_AT_SET: Invariant = {
  id: 'deleted-at-set',
  sentence: 'Deployments have a deletion time exactly when their status is deleted.',
  sql: `
    SELECT id AS subject, format('is %s, deleted_at is %s', status, coalesce(deleted_at::text, 'empty')) AS detail
      FROM deployments WHERE (status = 'deleted') <> (deleted_at IS NOT NULL)`,
  advice: 'Restore the check ck_deployments_deleted and look for who wrote these rows past the API.',
};

export const DELETED_ONCE: Invariant = {
  id: 'deleted-once',
  sentence: 'A deployment is deleted once, unless it was restored in between.',
  sql: `
    SELECT deployment_id AS subject, 'deleted again by history row ' || id AS detail
      FROM (SELECT id, deployment_id, new_status, lag(new_status) OVER (PARTITION BY deployment_id ORDER BY id) AS before
              FROM deployment_status_history WHERE new_status = 'deleted' OR old_status = 'deleted') AS deletions
     WHERE new_status = 'deleted' AND before = 'deleted'`,
  advice: 'Report this with the log of the deployment: two deletions have won.',
};

export const DELETION_RECORDED: Invariant = {
  id: 'deletion-recorded',
  sentence: 'Every deleted deployment has the record of its deletion.',
  sql: `
    SELECT d.id AS subject,
           format('deleted at %s in generation %s, without a row in deletions', d.deleted_at, d.generation) AS detail
      FROM deployments AS d
     WHERE d.status = 'deleted'
       AND NOT EXISTS (SELECT 1 FROM deletions WHERE deployment_id = d.id AND generation = d.generation)`,
  advice: 'Look for who deleted it past the API; without the record its teardown cannot be followed.',
};

export const COUNTERS_EXACT: Invariant = {
  id: 'counters-exact',
  sentence: 'The reserved amounts of a node are the sum of its open reservations and of the sizes of its volumes.',
  sql: `
    SELECT n.id AS subject,
           format('%s: counted %s cores, %s MB, %s GPU units, %s GB; reserved %s, %s, %s, %s',
                  n.name, n.reserved_cpu_cores, n.reserved_memory_mb, n.reserved_gpu_units, n.reserved_storage_gb,
                  v.cpu_cores, v.memory_mb, v.gpu_units, v.storage_gb) AS detail
      FROM nodes AS n
     CROSS JOIN LATERAL (SELECT coalesce(sum(cpu_cores), 0) AS cpu_cores, coalesce(sum(memory_mb), 0) AS memory_mb,
                                coalesce(sum(gpu_units), 0) AS gpu_units, coalesce(sum(storage_gb), 0) AS storage_gb
                           FROM (SELECT cpu_cores, memory_mb, gpu_units, storage_gb
                                   FROM reservations WHERE node_id = n.id AND released_at IS NULL
                                 UNION ALL
                                 SELECT 0, 0, 0, size_gb FROM volumes WHERE node_id = n.id) AS held) AS v
     WHERE (n.reserved_cpu_cores, n.reserved_memory_mb, n.reserved_gpu_units, n.reserved_storage_gb)
           IS DISTINCT FROM (v.cpu_cores, v.memory_mb, v.gpu_units, v.storage_gb)`,
  advice: 'Cordon the node and report this: the counters are moved by triggers only, so a trigger was off.',
};

export const STOPPED_AT_SET: Invariant = {
  id: 'stopped-at-set',
  sentence: 'A stopped replica says when it stopped.',
  sql: `
    SELECT id AS subject, 'stopped without stopped_at' AS detail FROM deployment_replicas
     WHERE status = 'stopped' AND stopped_at IS NULL`,
  advice: 'Restore the check ck_deployment_replicas_stopped and look for who wrote these rows past the workers.',
};

export const NOTHING_STARTS_AFTER_DELETE: Invariant = {
  id: 'nothing-starts-after-delete',
  sentence: 'A deleted deployment has no replica that is pending, starting or running.',
  sql: `
    SELECT r.id AS subject, format('%s, of the deleted deployment %s', r.status, d.id) AS detail
      FROM deployment_replicas AS r JOIN deployments AS d ON d.id = r.deployment_id
     WHERE d.status = 'deleted' AND r.status IN ('pending','starting','running')`,
  advice: 'Report this with the log of the deployment: work on it did not take its lock.',
};

export const PURGE_TIME_SET: Invariant = {
  id: 'purge-time-set',
  sentence: 'Every deleted deployment says when it is removed for good, and that is not before its deletion.',
  sql: `
    SELECT id AS subject, format('deleted at %s, purge_at %s', deleted_at, coalesce(purge_at::text, 'missing')) AS detail
      FROM deployments WHERE status = 'deleted' AND deleted_at IS NOT NULL AND (purge_at IS NULL OR purge_at < deleted_at)`,
  advice: 'Set purge_at by hand, with the setting fog.operation = retention: without it the deployment is never purged.',
};

export const PURGED_IS_GONE: Invariant = {
  id: 'purged-is-gone',
  sentence: 'Nothing is left of a purged deployment.',
  sql: `
    SELECT p.deployment_id AS subject, format('purged at %s, but its row is there', p.purged_at) AS detail
      FROM purged_deployments AS p JOIN deployments AS d ON d.id = p.deployment_id`,
  advice: 'Report this: a purge has not removed everything, or a deployment was put back past the API.',
};

export const FEED_WITHOUT_GAPS: Invariant = {
  id: 'feed-without-gaps',
  sentence: 'The feed of events has every position from the oldest that is kept to the last one.',
  sql: `
    SELECT 'event_feed' AS subject,
           format('%s events from %s on, the last at %s; the feed says %s',
                  e.count, f.purged_through + 1, e.last, f.last_position) AS detail
      FROM event_feed AS f,
           LATERAL (SELECT count(*) AS count, coalesce(max(position), f.purged_through) AS last
                      FROM events WHERE position > f.purged_through) AS e
     WHERE e.count <> f.last_position - f.purged_through OR e.last <> f.last_position`,
  advice: 'Look for who removed events past the program. Readers may have missed what is gone; tell them to read the state anew.',
};

export const REVISION_PRESENT: Invariant = {
  id: 'revision-present',
  sentence: 'Every deployment has its current revision, and its resources are those that the revision says.',
  sql: `
    SELECT d.id AS subject,
           CASE WHEN v.number IS NULL THEN format('revision %s is missing', d.current_revision)
                ELSE format('revision %s says %s, the resources row says %s', d.current_revision, v.spec->'resources', r.said)
           END AS detail
      FROM deployments AS d
      LEFT JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
      LEFT JOIN LATERAL (SELECT jsonb_build_object('cpuCores', cpu_cores::float8, 'memoryMb', memory_mb,
                                                   'gpuUnits', gpu_units, 'storageGb', storage_gb) AS said
                           FROM deployment_resources WHERE deployment_id = d.id) AS r ON true
     WHERE v.spec->'resources' IS DISTINCT FROM r.said`,
  advice: 'Report this with the log of the deployment: a revision was written without its resources, or past the API.',
};

export const ROLLOUT_OPEN: Invariant = {
  id: 'rollout-open',
  sentence: 'A rollout is open exactly when its deployment names it, and only a running deployment has one.',
  sql: `
    SELECT d.id AS subject,
           format('the deployment is %s and names rollout %s, the open one is %s', d.status, d.open_rollout, o.number) AS detail
      FROM deployments AS d
      LEFT JOIN deployment_rollouts AS o ON o.deployment_id = d.id AND o.finished_at IS NULL
     WHERE d.open_rollout IS DISTINCT FROM o.number OR d.open_rollout IS NOT NULL AND d.status <> 'running'`,
  advice: 'Report this with the log of the deployment: a decision ended a rollout without closing it, or the other way round.',
};

export const ROUTES_OF_THE_LIVE: Invariant = {
  id: 'routes-of-the-live',
  sentence: 'A deleted deployment has no route, and a host belongs to one project.',
  sql: `
    SELECT d.id AS subject, format('it is deleted and still has %s%s', r.host, r.path_prefix) AS detail
      FROM deployment_routes AS r JOIN deployments AS d ON d.id = r.deployment_id
     WHERE r.removed_at IS NULL AND d.deleted_at IS NOT NULL
    UNION ALL
    SELECT min(d.id::text)::uuid, format('%s belongs to %s projects', r.host, count(DISTINCT d.project_id))
      FROM deployment_routes AS r JOIN deployments AS d ON d.id = r.deployment_id
     WHERE r.removed_at IS NULL GROUP BY r.host HAVING count(DISTINCT d.project_id) > 1`,
  advice: 'Remove the route of the wrong deployment. Report this: routes were written past the API.',
};

export const PROJECTS_HAVE_MAINTAINERS: Invariant = {
  id: 'projects-have-maintainers',
  sentence: 'A project has a maintainer; a personal one has its user as the only member, and all that is in it belongs to that user.',
  sql: `
    SELECT p.id AS subject, 'it has no maintainer' AS detail FROM projects AS p
     WHERE p.deleted_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM project_members AS m WHERE m.project_id = p.id AND m.role = 'maintainer')
    UNION ALL
    SELECT p.id, format('its user is %s, and %s is a member', p.personal_of, m.user_id)
      FROM projects AS p JOIN project_members AS m ON m.project_id = p.id WHERE m.user_id <> p.personal_of
    UNION ALL
    SELECT u.id, 'the user has no personal project' FROM users AS u
     WHERE NOT EXISTS (SELECT 1 FROM projects AS p WHERE p.id = u.id AND p.personal_of = u.id)
    UNION ALL
    SELECT d.id, format('it is in the personal project of %s and belongs to %s', p.personal_of, d.user_id)
      FROM projects AS p JOIN deployments AS d ON d.project_id = p.id WHERE d.user_id <> p.personal_of`,
  advice: 'Report this: members or deployments were written past the API.',
};

/** All invariants: first those that were promised to users, then eleven that must hold for the first to mean anything. */
export const INVARIANTS: readonly Invariant[] = [
  LIVE_NAMES,
  DELETED_TORN_DOWN,
  NO_OVERCOMMITMENT,
  RESERVATIONS_MATCH,
  STATUS_IN_HISTORY,
  DELETED_AT_SET,
  DELETED_ONCE,
  DELETION_RECORDED,
  COUNTERS_EXACT,
  STOPPED_AT_SET,
  NOTHING_STARTS_AFTER_DELETE,
  PURGE_TIME_SET,
  PURGED_IS_GONE,
  REVISION_PRESENT,
  ROLLOUT_OPEN,
  ROUTES_OF_THE_LIVE,
  PROJECTS_HAVE_MAINTAINERS,
  FEED_WITHOUT_GAPS,
];
