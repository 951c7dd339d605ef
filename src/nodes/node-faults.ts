import type { FieldFault } from '../common/problem/domain-error';
import { ENGINE_TRAITS } from '../engines/runtime-kinds';
import type { NewNode, NodeChange } from './node.types';

/** The amounts that a registration must name. GPUs may be left out and are 0 then. */
const REQUIRED_CAPACITY = [
  ['cpuCores', 'cpu_cores'],
  ['memoryMb', 'memory_mb'],
  ['storageGb', 'storage_gb'],
] as const;

/** Checks what the kind of engine needs of a registration, beyond the form of its members. */
export function registrationFaults({ runtime, endpoint, capacity }: NewNode): FieldFault[] {
  const { needsEndpoint, tellsCapacity } = ENGINE_TRAITS[runtime];
  const missing = tellsCapacity ? [] : REQUIRED_CAPACITY.filter(([dimension]) => capacity[dimension] === undefined);
  return [
    ...(needsEndpoint && endpoint === null ? [fault('endpoint', `is required for a ${runtime} node`)] : []),
    ...(!needsEndpoint && endpoint !== null ? [fault('endpoint', `must be left out for a ${runtime} node`)] : []),
    ...missing.map(([, field]) => fault(field, `is required for a ${runtime} node`)),
  ];
}

/** Draining includes a cordon, so a request cannot start a drain and lift the cordon. */
export function changeFaults({ draining, cordoned }: NodeChange): FieldFault[] {
  if (draining !== true || cordoned !== false) return [];
  return [{ pointer: '/cordoned', detail: 'A node that drains is cordoned: leave cordoned out or set it to true' }];
}

const fault = (field: string, words: string): FieldFault => ({ pointer: `/${field}`, detail: `${field} ${words}` });
