/** Assumed for a disk that has never been measured, because no engine reports it; administrators may set another size. */
const UNKNOWN_DISK_GB = 100;

/** Columns that an administrator has set stay; the others follow the engine, but never go below what is reserved. */
const followEngine = (column: string, parameter: string): string => `
  CASE WHEN '${column}' = ANY(n.fixed_capacity) THEN n.${column} ELSE greatest(${parameter}, n.reserved_${column}) END`;

const MEASURED_OR_KNOWN = `coalesce($6::int, nullif(n.storage_gb, 0), ${UNKNOWN_DISK_GB})`;

/**
 * $1 node, $2 engine id, $3 CPU cores, $4 memory, $5 GPU units, $6 storage, $7 CPU usage, $8 memory usage, $9 whether the node
 * stands for one engine, $10 whether its engine reports its capacity, $11 what is free on its disk, $12 how it isolates
 * containers, $13 its trouble, $14 and $15 the CPU cores and memory of the largest of several machines. A disk that could not be measured keeps its size, and whether storage can be limited stays while this
 * process does not know it. Changes nothing when another engine than the node's own has answered.
 */
export const HEARTBEAT = `
  UPDATE nodes AS n
     SET last_heartbeat = clock_timestamp(), last_error = NULL, trouble = $13, cpu_usage_percent = $7, memory_usage_percent = $8,
         isolation  = CASE WHEN $12::jsonb->>'storageLimit' = 'unknown' THEN $12::jsonb || jsonb_strip_nulls(jsonb_build_object(
                                  'storageLimit', n.isolation->'storageLimit'))
                           ELSE $12::jsonb END,
         engine_id  = CASE WHEN $9::boolean THEN $2 ELSE n.engine_id END,
         cpu_cores  = CASE WHEN $10::boolean THEN ${followEngine('cpu_cores', '$3::numeric')} ELSE n.cpu_cores END,
         memory_mb  = CASE WHEN $10::boolean THEN ${followEngine('memory_mb', '$4::int')} ELSE n.memory_mb END,
         gpu_units  = CASE WHEN $10::boolean THEN ${followEngine('gpu_units', '$5::int')} ELSE n.gpu_units END,
         storage_gb = CASE WHEN $10::boolean THEN ${followEngine('storage_gb', MEASURED_OR_KNOWN)} ELSE n.storage_gb END,
         disk_free_gb = $11::int, largest_cpu_cores = $14::numeric, largest_memory_mb = $15::int
   WHERE n.id = $1 AND n.removed_at IS NULL AND (NOT $9::boolean OR coalesce(n.engine_id, $2) = $2)`;

/**
 * $1 engine id, $2 preferred name, $3 region, $4 runtime, $5 CPU cores, $6 memory, $7 GPU units, $8 storage, $9 CPU usage, $10
 * memory usage, $11 what is free on its disk. A known engine keeps its name, region, labels and cordon. If the name is taken, the first free number is added
 * to it.
 */
export const REGISTER_ENGINE = `
  INSERT INTO nodes AS n (engine_id, name, region, runtime, cpu_cores, memory_mb, gpu_units, storage_gb,
                          cpu_usage_percent, memory_usage_percent, disk_free_gb, last_heartbeat)
  SELECT $1, name, $3, $4, $5::numeric, $6, $7, coalesce($8::int, ${UNKNOWN_DISK_GB}), $9, $10, $11::int, clock_timestamp()
    FROM (SELECT CASE i WHEN 1 THEN $2::text ELSE $2 || '-' || i END AS name, i FROM generate_series(1, 1000) AS i) AS numbered
   WHERE NOT EXISTS (SELECT 1 FROM nodes AS taken
                      WHERE taken.name = numbered.name AND taken.removed_at IS NULL AND taken.engine_id IS DISTINCT FROM $1)
   ORDER BY i LIMIT 1
      ON CONFLICT (engine_id) WHERE removed_at IS NULL DO UPDATE
     SET last_heartbeat = excluded.last_heartbeat, last_error = NULL,
         cpu_usage_percent = excluded.cpu_usage_percent, memory_usage_percent = excluded.memory_usage_percent,
         cpu_cores  = ${followEngine('cpu_cores', 'excluded.cpu_cores')},
         memory_mb  = ${followEngine('memory_mb', 'excluded.memory_mb')},
         gpu_units  = ${followEngine('gpu_units', 'excluded.gpu_units')},
         storage_gb = ${followEngine('storage_gb', 'coalesce($8::int, n.storage_gb)')},
         disk_free_gb = excluded.disk_free_gb
  RETURNING id`;

/**
 * The nodes of a first start without an engine. Once there has been a simulated node, none are made: removed ones stay removed.
 */
export const REGISTER_DEMO_NODES = `
  INSERT INTO nodes (name, node_type, region, runtime, cpu_cores, memory_mb, gpu_units, storage_gb, last_heartbeat)
  SELECT name, 'compute_node', region, 'simulated', 16, 32768, gpu_units, 500, clock_timestamp()
    FROM (VALUES ('demo-us-east', 'us-east', 2), ('demo-us-west', 'us-west', 0), ('demo-eu-west', 'eu-west', 0))
      AS demo(name, region, gpu_units)
   WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE runtime = 'simulated')
      ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING`;
