import type { FieldFault } from '../common/problem/domain-error';
import { IN_CLUSTER, kubeconfigFault, type KubeconfigTrust } from '../engines/kubeconfig';
import { DRIVEN_KINDS, ENGINE_TRAITS, type RuntimeKind } from '../engines/runtime-kinds';
import { ENGINE_CHOOSES, type NewCluster, type NewNode, type NodeChange, type NodeRecord } from './node.types';

/** The amounts that a registration must name. GPUs may be left out and are 0 then. */
const REQUIRED_CAPACITY = [
  ['cpuCores', 'cpu_cores'],
  ['memoryMb', 'memory_mb'],
  ['storageGb', 'storage_gb'],
] as const;

/** Checks what the kind of engine needs of a registration, beyond the form of its members. */
export function registrationFaults({ runtime, endpoint, capacity, ociRuntime, cluster }: NewNode, trust: KubeconfigTrust): FieldFault[] {
  const { needsEndpoint, tellsCapacity, isCluster } = ENGINE_TRAITS[runtime];
  const missing = tellsCapacity ? [] : REQUIRED_CAPACITY.filter(([dimension]) => capacity[dimension] === undefined);
  return [
    ...(needsEndpoint && endpoint === null ? [fault('endpoint', `is required for a ${runtime} node`)] : []),
    ...(!needsEndpoint && endpoint !== null ? [fault('endpoint', `must be left out for a ${runtime} node`)] : []),
    ...missing.map(([, field]) => fault(field, `is required for a ${runtime} node`)),
    ...ociRuntimeFaults({ ociRuntime }, { runtime, isolation: null }),
    ...(isCluster ? [...clusterFaults(cluster, trust), ...twofold(cluster)] : notOfCluster(cluster, runtime)),
  ];
}

/** A kubeconfig is for a cluster, and one that is named can be used. */
export function kubeconfigFaults(
  { kubeconfig }: NodeChange,
  { runtime, cluster }: Pick<NodeRecord, 'runtime' | 'cluster'>,
  trust: KubeconfigTrust,
): FieldFault[] {
  if (kubeconfig === undefined) return [];
  return cluster === null ? notOfCluster({ kubeconfig }, runtime) : clusterFaults({ kubeconfig }, trust);
}

/** Only a cluster has ingresses and gateways, and a route is led through one of the two. */
export function entranceFaults(change: NodeChange, { runtime, cluster }: Pick<NodeRecord, 'runtime' | 'cluster'>): FieldFault[] {
  const { ingressClass = cluster?.ingressClass, gateway = cluster?.gateway } = change;
  return cluster === null ? notOfCluster({ ingressClass, gateway }, runtime) : twofold({ ingressClass, gateway });
}

const twofold = ({ ingressClass = null, gateway = null }: Partial<NewCluster>): FieldFault[] =>
  ingressClass === null || gateway === null ? [] : TWO_ENTRANCES;

function clusterFaults({ kubeconfig }: Partial<NewCluster>, trust: KubeconfigTrust): FieldFault[] {
  if (kubeconfig === undefined)
    return [fault('kubeconfig', `is required for a kubernetes node; ${IN_CLUSTER}: the cluster of this program`)];
  const words = kubeconfig === IN_CLUSTER ? null : kubeconfigFault(kubeconfig, trust);
  return words === null ? [] : [fault('kubeconfig', words)];
}

const CLUSTER_FIELDS = {
  kubeconfig: 'kubeconfig',
  namespace: 'namespace',
  nodeSelector: 'node_selector',
  ingressClass: 'ingress_class',
  gateway: 'gateway',
} as const;

const notOfCluster = (cluster: Partial<NewCluster>, runtime: RuntimeKind): FieldFault[] =>
  Object.entries(CLUSTER_FIELDS)
    .filter(([member]) => Reflect.get(cluster, member) !== undefined)
    .map(([, field]) => fault(field, `must be left out for a ${runtime} node`));

/** Refuses an OCI runtime that the engine has not listed, as far as it has listed any. */
export function ociRuntimeFaults(
  { ociRuntime }: Pick<NodeChange, 'ociRuntime'>,
  node: Pick<NodeRecord, 'runtime' | 'isolation'>,
): FieldFault[] {
  if (ociRuntime === undefined || ociRuntime === ENGINE_CHOOSES) return [];
  if (!hasOciRuntimes(node.runtime)) return [fault('oci_runtime', `must be left out for a ${node.runtime} node`)];
  if (node.isolation === null || node.isolation.ociRuntimes.includes(ociRuntime)) return [];
  return [fault('oci_runtime', `must be one that the engine of this node offers: ${node.isolation.ociRuntimes.join(', ')}`)];
}

/** Draining includes a cordon, so a request cannot start a drain and lift the cordon. */
export function changeFaults({ draining, cordoned }: NodeChange): FieldFault[] {
  if (draining !== true || cordoned !== false) return [];
  return [{ pointer: '/cordoned', detail: 'A node that drains is cordoned: leave cordoned out or set it to true' }];
}

const fault = (field: string, words: string): FieldFault => ({ pointer: `/${field}`, detail: `${field} ${words}` });

/** A route is led through one of the two. */
export const TWO_ENTRANCES: FieldFault[] = [fault('gateway', 'must be left out or null beside an ingress_class')];

/** Neither a simulation nor a cluster lets us choose. */
const hasOciRuntimes = (runtime: RuntimeKind): boolean =>
  DRIVEN_KINDS.some((kind) => kind === runtime && !ENGINE_TRAITS[kind].isSimulation && !ENGINE_TRAITS[kind].isCluster);
