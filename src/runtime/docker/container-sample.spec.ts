import { toSample } from './container-sample';

const MB = 1024 * 1024;
const cpu = (over: object = {}): object => ({
  cpu_usage: { total_usage: 3_000_000_000 },
  system_cpu_usage: 80_000_000_000,
  online_cpus: 4,
  ...over,
});
const answer = (over: object = {}): object => ({ read: '2026-11-28T06:00:00.5Z', cpu_stats: cpu(), memory_stats: {}, ...over });

describe('what an engine measures of a container', () => {
  it('is read with control groups of version 2', () => {
    const memory_stats = { usage: 100 * MB, limit: 512 * MB, stats: { inactive_file: 30 * MB, anon: 1 } };
    const networks = { eth0: { rx_bytes: 5, tx_bytes: 7 }, eth1: { rx_bytes: 10, tx_bytes: 20 } };
    expect(toSample(answer({ memory_stats, networks }))).toEqual({
      takenAt: new Date('2026-11-28T06:00:00.5Z'),
      cpuSeconds: 3,
      clockSeconds: 20,
      memoryUsedMb: 70,
      network: { rxBytes: 15, txBytes: 27 },
    });
  });

  it('is read with control groups of version 1, which count the cache otherwise and may not tell the processors', () => {
    const cpu_stats = cpu({ cpu_usage: { total_usage: 1_000_000_000, percpu_usage: [1, 2] }, online_cpus: undefined });
    const memory_stats = { usage: 100 * MB, stats: { total_inactive_file: 40 * MB, inactive_file: 1 * MB } };
    expect(toSample(answer({ cpu_stats, memory_stats }))).toMatchObject({
      cpuSeconds: 1,
      clockSeconds: 40,
      memoryUsedMb: 60,
      network: null,
    });
  });

  it('takes the time of the measure where the engine tells none of the processors', () => {
    expect(toSample(answer({ cpu_stats: { cpu_usage: {} } }))?.clockSeconds).toBe(Date.parse('2026-11-28T06:00:00.5Z') / 1000);
  });

  it.each([null, 'text', {}, answer({ read: '0001-01-01T00:00:00Z' })])('is nothing for a container that does not run: %j', (nothing) => {
    expect(toSample(nothing)).toBeNull();
  });
});
