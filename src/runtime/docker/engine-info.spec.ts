import { gpuUnits, toEngineInfo } from './engine-info';

describe('toEngineInfo', () => {
  const said = { ID: 'ABCD', ServerVersion: '20.10.24', NCPU: 2, MemTotal: 25_276_510_208, DockerRootDir: '/' };

  it('takes capacity from the engine, and disk and use from this machine when the engine runs here', async () => {
    const info = await toEngineInfo(said, true);
    expect(info).toMatchObject({ engineId: 'ABCD', version: '20.10.24', cpuCores: 2, memoryMb: 24_105, gpuUnits: 0 });
    expect(info.storageGb).toBeGreaterThanOrEqual(1);
    expect(info.diskFreeGb).toBeGreaterThanOrEqual(0);
    expect(info.diskFreeGb).toBeLessThanOrEqual(info.storageGb ?? 0);
    expect(info.memoryUsagePercent).toBeGreaterThan(0);
  });

  it('knows no disk and no use of an engine elsewhere', async () => {
    expect(await toEngineInfo(said, false)).toMatchObject({ storageGb: null, diskFreeGb: null, cpuUsagePercent: 0, memoryUsagePercent: 0 });
  });

  it('does not take a disk that it may not look at for one of another size', async () => {
    expect(await toEngineInfo({ ...said, DockerRootDir: '/no/such/folder' }, true)).toMatchObject({ storageGb: null, diskFreeGb: null });
  });
});

describe('gpuUnits', () => {
  it.each([
    [{}, 0],
    [{ Runtimes: { nvidia: {} } }, 0],
    [{ GenericResources: null }, 0],
    [{ DiscoveredDevices: [{ Source: 'cdi', ID: 'nvidia.com/gpu=0' }, { ID: 'nvidia.com/gpu=1' }, { ID: 'nvidia.com/gpu=all' }] }, 2],
    [
      {
        GenericResources: [{ DiscreteResourceSpec: { Kind: 'NVIDIA-GPU', Value: 4 } }, { DiscreteResourceSpec: { Kind: 'SSD', Value: 3 } }],
      },
      4,
    ],
    [
      {
        GenericResources: [{ NamedResourceSpec: { Kind: 'gpu', Value: 'UUID1' } }, { NamedResourceSpec: { Kind: 'gpu', Value: 'UUID2' } }],
      },
      2,
    ],
  ])('reads %j', (info, expected) => {
    expect(gpuUnits(info)).toBe(expected);
  });
});
