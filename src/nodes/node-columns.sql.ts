import { nodeStatus } from './node-status.sql';

/** Capacity and reservations of `nodes AS n` as two objects with the members of Resources. */
const CAPACITY_COLUMNS = `
  json_build_object('cpuCores', n.cpu_cores, 'memoryMb', n.memory_mb,
                    'gpuUnits', n.gpu_units, 'storageGb', n.storage_gb) AS capacity,
  json_build_object('cpuCores', n.reserved_cpu_cores, 'memoryMb', n.reserved_memory_mb,
                    'gpuUnits', n.reserved_gpu_units, 'storageGb', n.reserved_storage_gb) AS reserved,
  n.cpu_usage_percent AS "cpuUsagePercent", n.memory_usage_percent AS "memoryUsagePercent"`;

/** The columns of a NodeRecord. */
export const recordColumns = (offlineAfter: string): string => `
  n.id, n.name, n.node_type AS "nodeType", n.region, n.runtime, ${nodeStatus(offlineAfter)} AS status, n.cordoned, n.draining,
  ${CAPACITY_COLUMNS}, n.labels, n.registered_at AS "registeredAt", n.last_heartbeat AS "lastHeartbeat",
  n.endpoint, n.last_error AS "lastError"`;
