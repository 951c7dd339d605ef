import type { V1Node, V1Pod } from '@kubernetes/client-node';
import { capacityOf } from './capacity';
import { LABEL } from './labels';

const options = { nodeId: 'ours', gpuResource: 'nvidia.com/gpu' };
const machine = (name: string, over: { ready?: boolean; cordoned?: boolean; taint?: string } = {}): V1Node => ({
  metadata: { name },
  spec: { unschedulable: over.cordoned, ...(over.taint ? { taints: [{ key: 'for', effect: over.taint }] } : {}) },
  status: {
    allocatable: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '100Gi', 'nvidia.com/gpu': '2' },
    conditions: [{ type: 'Ready', status: over.ready === false ? 'Unknown' : 'True' }],
  },
});
const pod = (nodeName: string, cpu: string, over: { node?: string; phase?: string; init?: string } = {}): V1Pod => ({
  metadata: { labels: over.node ? { [LABEL.node]: over.node } : {} },
  spec: {
    nodeName,
    containers: [{ name: 'c', resources: { requests: { cpu, memory: '1Gi' } } }],
    ...(over.init ? { initContainers: [{ name: 'i', resources: { requests: { cpu: over.init } } }] } : {}),
  },
  status: { phase: over.phase ?? 'Running' },
});

describe('capacityOf', () => {
  it('adds up the machines that are ready and take Pods', () => {
    const machines = [machine('a'), machine('b'), machine('c', { ready: false }), machine('d', { cordoned: true })];
    expect(capacityOf(machines, [], options)).toEqual({
      machines: ['a', 'b'],
      cpuCores: 8,
      memoryMb: 16_384,
      storageGb: 200,
      gpuUnits: 4,
      largestMachine: { cpuCores: 4, memoryMb: 8192 },
    });
  });

  it('takes off what many have asked for to the thousandth of a core, and counts a part of one as a whole one', () => {
    const leftBy = (...cpus: string[]) => {
      const pods = cpus.map((cpu) => pod('a', cpu));
      const { cpuCores, largestMachine } = capacityOf([machine('a')], pods, options);
      expect(largestMachine.cpuCores).toBe(cpuCores);
      return cpuCores;
    };
    expect(leftBy(...Array<string>(39).fill('100m'))).toBe(0.1);
    expect(leftBy(...Array<string>(570).fill('7m'))).toBe(0.01);
    expect(leftBy(...Array<string>(10).fill('0.5m'))).toBe(3.99);
  });

  it('leaves out machines with a taint that keeps Pods away', () => {
    const machines = ['NoSchedule', 'NoExecute', 'PreferNoSchedule'].map((taint) => machine(taint, { taint }));
    expect(capacityOf(machines, [], options)).toMatchObject({ machines: ['PreferNoSchedule'], cpuCores: 4 });
  });

  it('tells what the largest machine has left by others, each amount by itself, and with what is ours', () => {
    const pods = [pod('a', '2'), pod('b', '500m'), pod('b', '3', { node: 'ours' })];
    expect(capacityOf([machine('a'), machine('b')], pods, options)).toMatchObject({
      cpuCores: 5.5,
      largestMachine: { cpuCores: 3.5, memoryMb: 7 * 1024 },
    });
  });

  it('takes away what others and other nodes of ours have asked for there, and not what is its own, has ended, or lies elsewhere', () => {
    const pods = [
      pod('a', '500m'),
      pod('a', '250m', { node: 'another of ours' }),
      pod('a', '3', { node: 'ours' }),
      pod('a', '3', { phase: 'Succeeded' }),
      pod('elsewhere', '3'),
    ];
    expect(capacityOf([machine('a')], pods, options)).toMatchObject({ cpuCores: 3.25, memoryMb: 6 * 1024 });
  });

  it('counts the largest container that comes first, as the scheduler does', () => {
    expect(capacityOf([machine('a')], [pod('a', '1', { init: '2' })], options)).toMatchObject({ cpuCores: 2 });
  });

  it('is never below nothing', () => {
    expect(capacityOf([machine('a')], [pod('a', '9')], options)).toMatchObject({ cpuCores: 0 });
    expect(capacityOf([], [], options)).toEqual({
      machines: [],
      cpuCores: 0,
      memoryMb: 0,
      storageGb: 0,
      gpuUnits: 0,
      largestMachine: { cpuCores: 0, memoryMb: 0 },
    });
  });
});
