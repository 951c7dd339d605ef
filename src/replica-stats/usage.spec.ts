import { randomUUID } from 'node:crypto';
import type { LiveReplica } from '../deployments/live-replicas.repository';
import type { WorkloadSample } from '../runtime/runtime-driver';
import { coresIn, usageOf } from './usage';

const replica: LiveReplica = {
  id: randomUUID(),
  status: 'running',
  online: true,
  cpuCores: 0.5,
  memoryMb: 512,
  node: { id: randomUUID(), name: 'here', runtime: 'docker', endpoint: null },
};
const sample = (cpuSeconds: number, clockSeconds: number): WorkloadSample => ({
  takenAt: new Date('2026-11-28T06:00:00Z'),
  cpuSeconds,
  clockSeconds,
  memoryUsedMb: 128.04,
  network: { rxBytes: 1, txBytes: 2 },
});

describe('what a replica uses', () => {
  it('is told in cores and in percent of its limits', () => {
    expect(usageOf(replica, { said: sample(12.5, 110) }, sample(10, 100))).toEqual({
      replica_id: replica.id,
      node_name: 'here',
      runtime: 'docker',
      sampled_at: '2026-11-28T06:00:00.000Z',
      reason: null,
      cpu_cores: 0.25,
      cpu_percent: 50,
      cpu_limit_cores: 0.5,
      memory_used_mb: 128,
      memory_percent: 25,
      memory_limit_mb: 512,
      network_rx_bytes: 1,
      network_tx_bytes: 2,
    });
  });

  it('is told by one sample where the engine itself tells a rate', () => {
    expect(usageOf(replica, { said: { ...sample(0, 0), coresInUse: 0.125 } }, undefined)).toMatchObject({
      cpu_cores: 0.125,
      cpu_percent: 25,
    });
  });

  it('has a reason where there is nothing', () => {
    const nothing = { sampled_at: null, cpu_cores: null, memory_used_mb: null, network_rx_bytes: null };
    expect(usageOf(replica, { said: null }, undefined)).toMatchObject({ ...nothing, reason: 'Its container does not run' });
    expect(usageOf(replica, { error: 'The engine is away' }, undefined)).toMatchObject({ ...nothing, reason: 'The engine is away' });
  });

  it('is not told of the processor from samples of two runs, of one moment, or from one alone', () => {
    expect(coresIn(sample(10, 100), sample(1, 110))).toBeNull();
    expect(coresIn(sample(10, 100), sample(10, 100))).toBeNull();
    expect(usageOf(replica, { said: sample(1, 1) }, undefined)).toMatchObject({ cpu_cores: null, memory_used_mb: 128, reason: null });
  });
});
