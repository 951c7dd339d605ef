import { machineMetrics, podSample, usageOf } from './usage';

describe('what the metrics API tells of machines', () => {
  const machine = (name: string, cpu: string, memory: string) => ({ metadata: { name }, status: { capacity: { cpu, memory } } });
  const used = (name: string, cpu: string, memory: string) => ({ metadata: { name }, usage: { cpu, memory } });

  it('is how busy those are together that take Pods and were measured', () => {
    const machines = [machine('a', '4', '8Gi'), machine('b', '12', '8Gi'), machine('silent', '4', '8Gi'), machine('closed', '4', '8Gi')];
    const metrics = [used('a', '2', '8Gi'), used('b', '2000m', '0'), used('closed', '4', '8Gi'), used('of another node', '4', '8Gi')];
    expect(usageOf(metrics, machines, ['a', 'b', 'silent'])).toEqual({ cpuUsagePercent: 25, memoryUsagePercent: 50 });
    expect(usageOf([], machines, ['a', 'b'])).toEqual({ cpuUsagePercent: 0, memoryUsagePercent: 0 });
  });

  it('is nothing when it does not answer soon, and nobody waits for it', async () => {
    jest.useFakeTimers();
    try {
      const call = (_method: string, _path: string, { signal }: { signal: AbortSignal }): Promise<unknown> =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('Called off'))));
      const asked = machineMetrics({ call }, new AbortController().signal);
      await jest.advanceTimersByTimeAsync(3_000);
      await expect(asked).resolves.toEqual([]);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('what the metrics API tells of a Pod', () => {
  const containers = [
    { name: 'sidecar', usage: { cpu: '1', memory: '1Gi' } },
    { name: 'replica', usage: { cpu: '12500000n', memory: '8192Ki' } },
  ];

  it('is that of the container of the replica, in cores and MB', () => {
    expect(podSample({ timestamp: '2026-11-28T09:00:00Z', window: '15s', containers })).toEqual({
      takenAt: new Date('2026-11-28T09:00:00Z'),
      coresInUse: 0.0125,
      memoryUsedMb: 8,
      cpuSeconds: 0,
      clockSeconds: 0,
      network: null,
    });
  });

  it.each([[null], [{}], [{ containers }], [{ timestamp: '2026-11-28T09:00:00Z', containers: [] }]])('is nothing in %j', (answer) =>
    expect(podSample(answer)).toBeNull(),
  );
});
