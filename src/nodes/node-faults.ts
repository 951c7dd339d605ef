import type { FieldFault } from '../common/problem/domain-error';
import type { NewNode, NodeChange } from './node.types';

const REQUIRED_CAPACITY = [
  ['cpuCores', 'cpu_cores'],
  ['memoryMb', 'memory_mb'],
  ['storageGb', 'storage_gb'],
] as const;

/** What the runtime of a new node needs beyond its form: the address of a docker node, the capacity of a simulated one. */
export function registrationFaults({ runtime, endpoint, capacity }: NewNode): FieldFault[] {
  if (runtime === 'docker') return endpoint === null ? [fault('endpoint', 'is required for a docker node')] : [];
  return [
    ...(endpoint === null ? [] : [fault('endpoint', 'must be left out for a simulated node')]),
    ...REQUIRED_CAPACITY.filter(([dimension]) => capacity[dimension] === undefined).map(([, field]) =>
      fault(field, 'is required for a simulated node'),
    ),
  ];
}

/** Draining cordons, so a node cannot be told to drain and to take replicas. */
export function changeFaults({ draining, cordoned }: NodeChange): FieldFault[] {
  if (draining !== true || cordoned !== false) return [];
  return [{ pointer: '/cordoned', detail: 'A node that drains is cordoned: leave cordoned out or set it to true' }];
}

const fault = (field: string, words: string): FieldFault => ({ pointer: `/${field}`, detail: `${field} ${words}` });
