import { podSample } from './usage';

describe('what the metrics API tells of a Pod', () => {
  const containers = [
    { name: 'sidecar', usage: { cpu: '1', memory: '1Gi' } },
    { name: 'replica', usage: { cpu: '12500000n', memory: '8192Ki' } },
  ];

  it('is that of the container of the replica, in cores and MB', () => {
    expect(podSample({ timestamp: '2026-11-28T09:00:00Z', window: '15s', containers })).toEqual({
      ...{ takenAt: new Date('2026-11-28T09:00:00Z'), coresInUse: 0.0125, memoryUsedMb: 8 },
      ...{ cpuSeconds: 0, clockSeconds: 0, network: null },
    });
  });

  it.each([[null], [{}], [{ containers }], [{ timestamp: '2026-11-28T09:00:00Z', containers: [] }]])('is nothing in %j', (answer) =>
    expect(podSample(answer)).toBeNull(),
  );
});
