/** The transaction that runs, as `route_tables` notes it. Routers ask for what changed in it or later. */
export const CHANGED_NOW = `pg_current_xact_id()::text::bigint`;

/**
 * Parts of a WITH that take the routes of deployments away, so that others may have their hosts at once. `gone` names a part
 * with the columns `id` and `deleted_at`.
 */
export const removeRoutesOf = (gone: string): string => `
  unrouted AS (
    UPDATE deployment_routes AS r SET removed_at = g.deleted_at
      FROM ${gone} AS g WHERE r.deployment_id = g.id AND r.removed_at IS NULL),
  retabled AS (
    UPDATE route_tables AS t SET version = t.version + 1, changed_in = ${CHANGED_NOW}
      FROM ${gone} AS g WHERE t.deployment_id = g.id)`;

/** The routes of the deployment row with this alias, each as `[host, path, port, removed, backends, named]`; NULL without any. */
export const routesOf = (deployment: string): string => `
  (SELECT json_agg(json_build_array(x.host, x.path_prefix, x.port, x.removed_at IS NOT NULL,
                     (SELECT count(*) FROM jsonb_array_elements(t.backends) AS b WHERE b->'ports' ? x.port::text), x.named)
                   ORDER BY x.position)
     FROM route_tables AS t JOIN deployment_routes AS x ON x.deployment_id = t.deployment_id
    WHERE t.deployment_id = ${deployment}.id)`;

/** A router that has been silent for longer counts as gone. It may still serve its last tables, until nobody answers there. */
const ROUTER_GONE_SECONDS = 10;

/** Workers that have not noted themselves for longer were away, or the database was. They do so each second. */
const BREAK_SECONDS = 4;

/** Whether the row of `router_watch` with this alias was written to shortly before this time. */
const isUnbroken = (now: string, watch: string): string =>
  `${now} BETWEEN ${watch}.beat_at - interval '1 second' AND ${watch}.beat_at + interval '${BREAK_SECONDS} seconds'`;

/**
 * Writes to `router_watch` that a worker and the database are there. Workers that do so in the same moment share a write; one that had to
 * wait for another's is a little late, which is no break.
 */
export const BEAT = `
  UPDATE router_watch AS w
     SET beat_at = at.now,
         since = CASE WHEN ${isUnbroken('at.now', 'w')} THEN w.since ELSE at.now END,
         sound_at = CASE WHEN ${isUnbroken('at.now', 'w')} AND at.now >= w.since + interval '${ROUTER_GONE_SECONDS} seconds'
                         THEN at.now ELSE w.sound_at END
    FROM (SELECT clock_timestamp() AS now) AS at
   WHERE at.now NOT BETWEEN w.beat_at - interval '0.5 seconds' AND w.beat_at + interval '0.5 seconds'`;

/**
 * The newest moment at which silence told something: now, unless the database or all workers were away until just now. Then it is the
 * moment before that, until routers have had ten seconds to report.
 */
const quietUntil = `
  (SELECT CASE WHEN ${isUnbroken('clock_timestamp()', 'q')}
                AND clock_timestamp() >= q.since + interval '${ROUTER_GONE_SECONDS} seconds'
               THEN clock_timestamp() ELSE least(q.sound_at, clock_timestamp()) END
     FROM router_watch AS q)`;

/** Whether the row of `routers` with this alias is of one that lives, or of one that nobody could hear. */
const routerCounts = (router: string): string => `${router}.seen_at > ${quietUntil} - interval '${ROUTER_GONE_SECONDS} seconds'`;

/** Whether the router of this row lives and may not serve what this transaction changed in the row of `route_tables AS t`. */
const servesNot = (router: string, transaction: string): string => `
  ${routerCounts(router)} AND (${router}.behind ? t.deployment_id::text
                               OR NOT pg_visible_in_snapshot((${transaction})::text::xid8, ${router}.serves::pg_snapshot))`;

/**
 * Whether the entry `l` of the replicas that leave the table `t` gets nothing more, or the time for it is over, in which routers could
 * hear of it. So it is for what began to leave in the future, before the clock was set back.
 */
const isDrained = (seconds: string): string => `
  ((l->>'since')::timestamptz NOT BETWEEN ${quietUntil} - make_interval(secs => ${seconds}) AND clock_timestamp()
   OR NOT EXISTS (SELECT 1 FROM routers AS w
                   WHERE ${routerCounts('w')} AND (w.busy ? (l->>'replicaId') OR (${servesNot('w', "l->>'outIn'")}))))`;

/**
 * What the reconciler knows of the routes of the deployment row with this alias; NULL when it never had any. A replica that
 * leaves is `drained` when every router serves a table without it and none has a request under way there, or when the time for
 * that is over. `seconds` is the parameter with the time that requests may take.
 */
export const routingOf = (deployment: string, seconds: string): string => `
  (SELECT json_build_object(
            'version', t.version, 'backends', t.backends,
            'ports', (SELECT coalesce(json_agg(DISTINCT x.port), '[]') FROM deployment_routes AS x
                       WHERE x.deployment_id = t.deployment_id AND x.removed_at IS NULL),
            'leaving', (SELECT coalesce(json_agg(l || jsonb_build_object('drained', ${isDrained(seconds)})), '[]')
                          FROM jsonb_array_elements(t.leaving) AS l))
     FROM route_tables AS t WHERE t.deployment_id = ${deployment}.id)`;

/**
 * What became of the routes that the deletion with this alias took from the deployment row with that alias: how many they were,
 * how many routers do not serve the change yet, what they say, and how many replicas still drain. NULL without any routes ever.
 */
export const routeRemovalOf = (deployment: string, deletion: string, seconds: string): string => `
  (SELECT json_build_object(
            'routes', (SELECT count(*) FROM deployment_routes AS r
                        WHERE r.deployment_id = t.deployment_id AND r.removed_at >= ${deletion}.decided_at),
            'routersBehind', (SELECT count(*) FROM routers AS w WHERE ${servesNot('w', 't.changed_in')}),
            'words', (SELECT max(w.behind->>(t.deployment_id::text)) FROM routers AS w WHERE ${servesNot('w', 't.changed_in')}),
            'draining', (SELECT count(*) FROM jsonb_array_elements(t.leaving) AS l WHERE NOT ${isDrained(seconds)}))
     FROM route_tables AS t WHERE t.deployment_id = ${deployment}.id)`;

/** An SQL expression over `deployments AS deployment`: its routes as a user asks for them (`AskedRoute`). */
export const askedRoutesOf = (deployment: string): string => `
         (SELECT coalesce(json_agg(json_build_object('host', CASE WHEN x.named THEN x.host END, 'pathPrefix', x.path_prefix,
                   'port', x.port) ORDER BY x.position), '[]')
            FROM deployment_routes AS x
           WHERE x.deployment_id = ${deployment}.id AND (x.removed_at IS NULL OR ${deployment}.deleted_at IS NOT NULL))`;
