import type { Details } from '../audit/bounded-details';
import type { ClusterPlace, NodeRecord } from './node.types';

/** What the audit log keeps of a node: the members that an administrator decides. */
export const nodeDetails = (node: NodeRecord): Details => ({
  name: node.name,
  node_type: node.nodeType,
  region: node.region,
  runtime: node.runtime,
  cordoned: node.cordoned,
  draining: node.draining,
  cpu_cores: node.capacity.cpuCores,
  memory_mb: node.capacity.memoryMb,
  gpu_units: node.capacity.gpuUnits,
  storage_gb: node.capacity.storageGb,
  labels: node.labels,
  oci_runtime: node.ociRuntime,
  lost_after_seconds: node.lostAfterSeconds,
  address: node.address,
  ...(node.cluster ? clusterDetails(node.cluster) : {}),
});

const clusterDetails = ({ namespace, nodeSelector, ingressClass, gateway }: ClusterPlace): Details => ({
  namespace,
  node_selector: nodeSelector,
  ingress_class: ingressClass,
  gateway,
});
