/**
 * When the run of a replica began, for people. The engine's time is taken as it is where it is possible: not in the future, and
 * not before the replica was last asked to start. The begin of a later run is counted on from the one before, by the engine's
 * clock alone. `seen` has the engine's time, or null when it is not known to be another run.
 */
export const startedAt = (r: string, seen: string): string => `
  CASE WHEN ${seen}."startedAt" IS NULL OR ${seen}."startedAt" = ${r}.engine_started_at AND ${r}.started_at IS NOT NULL
         THEN ${r}.started_at
       WHEN ${r}.status = 'running' AND ${r}.engine_started_at IS NOT NULL
         THEN least(clock_timestamp(), ${r}.started_at + (${seen}."startedAt" - ${r}.engine_started_at))
       ELSE least(clock_timestamp(), greatest(${seen}."startedAt",
                  CASE ${r}.status WHEN 'running' THEN ${r}.started_at ELSE ${r}.changed_at END)) END`;

/** The columns of moves as JSON, each a `ReplicaMove`. */
export const MOVE_COLUMNS = `
                "replicaId" uuid, "from" text, "to" text, reason text, "containerId" text, "startedAt" timestamptz,
                published jsonb, "failedByNode" boolean, completed boolean`;

/** What a move `m` sets of a replica `r`. */
export const MOVED = `
         status = m."to", reason = m.reason, changed_at = clock_timestamp(),
         container_id = coalesce(m."containerId", r.container_id),
         published = coalesce(m.published, r.published),
         stop_error = NULL, stop_retry_at = NULL, paused_at = NULL, failed_by_node = coalesce(m."failedByNode", false),
         completed_at = CASE WHEN m.completed THEN clock_timestamp() ELSE r.completed_at END,
         running_at = CASE WHEN m."to" = 'running' THEN clock_timestamp()
                           WHEN r.status = 'running' THEN coalesce(r.running_at, r.changed_at)
                           ELSE r.running_at END,
         engine_started_at = coalesce(m."startedAt", r.engine_started_at),
         started_at = coalesce(${startedAt('r', 'm')}, CASE WHEN m."to" = 'running' THEN clock_timestamp() END),
         stopped_at = CASE WHEN m."to" IN ('stopped', 'failed') THEN clock_timestamp() ELSE r.stopped_at END`;
