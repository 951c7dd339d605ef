import { nodeStatus } from './node-status.sql';

/** Capacity and reservations of `nodes AS n` as two objects with the members of Resources. */
const CAPACITY_COLUMNS = `
  json_build_object('cpuCores', n.cpu_cores, 'memoryMb', n.memory_mb,
                    'gpuUnits', n.gpu_units, 'storageGb', n.storage_gb) AS capacity,
  json_build_object('cpuCores', n.reserved_cpu_cores, 'memoryMb', n.reserved_memory_mb,
                    'gpuUnits', n.reserved_gpu_units, 'storageGb', n.reserved_storage_gb) AS reserved,
  n.cpu_usage_percent AS "cpuUsagePercent", n.memory_usage_percent AS "memoryUsagePercent",
  n.disk_free_gb AS "diskFreeGb",
  CASE WHEN n.largest_cpu_cores IS NOT NULL AND n.largest_memory_mb IS NOT NULL
       THEN json_build_object('cpuCores', n.largest_cpu_cores, 'memoryMb', n.largest_memory_mb) END AS "largestMachine"`;

/** The columns of a NodeRecord. */
export const recordColumns = (offlineAfter: string): string => `
  n.id, n.name, n.node_type AS "nodeType", n.region, n.runtime, ${nodeStatus(offlineAfter)} AS status, n.cordoned, n.draining,
  ${CAPACITY_COLUMNS}, n.labels, n.registered_at AS "registeredAt", n.last_heartbeat AS "lastHeartbeat",
  n.endpoint, n.address, coalesce(n.last_error, n.trouble) AS "lastError", n.oci_runtime AS "ociRuntime", n.isolation,
  n.lost_after_seconds AS "lostAfterSeconds",
  (SELECT json_build_object('namespace', c.namespace, 'nodeSelector', c.node_selector,
                            'ingressClass', c.ingress_class, 'gateway', c.gateway)
     FROM node_clusters AS c WHERE c.node_id = n.id) AS cluster`;
