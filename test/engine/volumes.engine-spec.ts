import { randomUUID } from 'node:crypto';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import type { Client } from '../support/client';
import { deploy, remove, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

interface Shown {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

/** Writes what it found, then adds a line, and goes on. */
const REMEMBERS = ['sh', '-c', 'echo "found: $(cat /data/lines 2>/dev/null | wc -l)"; echo line >> /data/lines; exec sleep 3600'];

describeWithEngine('volumes on a real engine', () => {
  let product: ProductOnDocker;
  let client: Client;
  let project: string;

  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
    project = ((await client.get('/api/auth/me')).body as { id: string }).id;
  });
  afterAll(() => product?.close(), 60_000);

  const volumes = async (): Promise<Shown[]> => (await client.get(`/api/projects/${project}/volumes`)).body as Shown[];
  const named = async (name: string): Promise<Shown | undefined> => (await volumes()).find((volume) => volume.name === name);
  const onEngine = async (id: string): Promise<boolean> =>
    (await product.docker.listVolumes({ filters: JSON.stringify({ label: [`fog-compute.volume=${id}`] }) })).Volumes.length > 0;
  const remembering = (volume: string, more: object = {}): Record<string, unknown> =>
    onDocker({ command: REMEMBERS, read_only_root: true, volumes: [{ name: volume, path: '/data', size_gb: 1 }], ...more });
  /** What the running replica found when it started. */
  const found = (id: string): Promise<number> =>
    until(
      async () => {
        const { replicas } = await untilHealthy(client, id, 30_000);
        const live = replicas.find(({ status }) => status === 'running');
        const logs = (await client.get(`/api/deployment/${id}/logs`)).body as { replica_id: string; lines: string[] }[];
        const line = logs.find(({ replica_id }) => replica_id === live?.id)?.lines.find((each) => each.startsWith('found: '));
        return line === undefined ? null : { count: Number(line.slice('found: '.length)) };
      },
      { what: 'a replica to say what it found' },
    ).then(({ count }) => count);
  const purge = async (id: string): Promise<void> => {
    const answer = await client.delete(`/api/admin/deployment/${id}?override_retention=true&reason=test`);
    expect(answer).toMatchObject({ status: 200 });
  };

  it('keep what was written through a rollout, a delete and a restore, and go with the purge', async () => {
    const id = await deploy(client, 'remembers', remembering('memory'));
    expect(await found(id)).toBe(0);
    const volume = (await named('memory'))?.id ?? '';
    expect(await client.patch(`/api/deployment/${id}`, { env: { A: 'b' }, rollout: { min_healthy_seconds: 0 } })).toMatchObject({
      status: 202,
    });
    await until(async () => ((await client.get(`/api/deployment/${id}/rollout`)).body as { state: string }).state === 'completed', {
      what: 'the rollout to end',
    });
    expect(await found(id)).toBe(1);
    expect(await remove(client, id, '?grace_seconds=0')).toMatchObject({ status: 200 });
    expect(await onEngine(volume)).toBe(true);
    expect(await client.post(`/api/deployment/${id}/restore`, {})).toMatchObject({ status: 202 });
    expect(await found(id)).toBe(2);
    expect(await remove(client, id, '?grace_seconds=0')).toMatchObject({ status: 200 });
    await purge(id);
    await until(async () => !(await onEngine(volume)) && (await named('memory')) === undefined, { what: 'the volume to be removed' });
    expect(await checkInvariants(product.dataSource, { graceSeconds: 60 })).toEqual([]);
  });

  it('are mounted for reading beside their writer, and removed only after a container that uses them by hand', async () => {
    const writer = await deploy(client, 'writer', remembering('read'));
    expect(await found(writer)).toBe(0);
    const reading = {
      command: ['sh', '-c', 'touch /data/x && echo "found: 99" || echo "found: $(cat /data/lines | wc -l)"; exec sleep 3600'],
    };
    const reader = await deploy(
      client,
      'reader',
      remembering('read', { ...reading, volumes: [{ name: 'read', path: '/data', size_gb: 1, read_only: true }] }),
    );
    expect(await found(reader)).toBe(1);
    const volume = (await named('read'))?.id ?? '';
    for (const id of [writer, reader]) expect(await remove(client, id, '?grace_seconds=0')).toMatchObject({ status: 200 });
    const Image = 'fog-test/busybox:1';
    const HostConfig = { Mounts: [{ Type: 'volume' as const, Source: `fog-volume-${volume}`, Target: '/x' }] };
    const byHand = await product.docker.createContainer({ Image, HostConfig, Cmd: ['true'] });
    try {
      for (const id of [writer, reader]) await purge(id);
      const words = 'A container on the node still uses the volume';
      const reasons = async (): Promise<unknown> => (await volumes()).map((each) => (each as { reason?: string }).reason);
      await until(async () => JSON.stringify(await reasons()).includes(words), { what: 'the reason to be shown' });
      expect(await named('read')).toMatchObject({ state: 'removing' });
    } finally {
      await byHand.remove({ force: true });
    }
    await until(async () => !(await onEngine(volume)) && (await volumes()).length === 0, {
      what: 'the volume to be removed',
      timeoutMs: 60_000,
    });
  });

  it('have no second writer after the restore of an older database: the successor waits for the container that it does not know', async () => {
    const id = await deploy(client, 'older', remembering('older'));
    expect(await found(id)).toBe(0);
    const [known] = await product.containers(id);
    // What a container is that was started after the backup was made: it carries our labels and a replica that the records do not have.
    const { Config, HostConfig } = await product.docker.getContainer(known!.Id).inspect();
    const Labels = { ...Config.Labels, [LABEL.replica]: randomUUID() };
    const { Image, Cmd } = { Image: Config.Image, Cmd: ['sleep', '3600'] };
    const Mounts = (HostConfig.Mounts ?? []).filter(({ Target }) => Target === '/data');
    const stranger = await product.docker.createContainer({ Image, Cmd, Labels, HostConfig: { Mounts } });
    await stranger.start();
    try {
      await product.docker.getContainer(known!.Id).remove({ force: true });
      const words = 'A container that no replica stands for still writes to the volume older';
      const status = async (): Promise<string> => JSON.stringify((await client.get(`/api/deployment/status/${id}`)).body);
      await until(async () => (await status()).includes(words), { what: 'the reason to be shown' });
      const writing = await product.docker.listContainers({
        filters: JSON.stringify({ volume: [`fog-volume-${(await named('older'))!.id}`] }),
      });
      expect(writing.map(({ Id }) => Id)).toEqual([stranger.id]);
      const orphan = await until(
        async () =>
          ((await client.get('/api/admin/orphans?kind=container')).body as { id: string; etag: string; replica_id: string }[]).find(
            ({ replica_id: replicaId }) => replicaId === Labels[LABEL.replica],
          ),
        { what: 'the orphan to be listed' },
      );
      const reaped = await client.post(`/api/admin/orphans/${orphan.id}/reap`, undefined, { ifMatch: orphan.etag });
      expect(reaped).toMatchObject({ status: 202 });
      expect(await found(id)).toBe(1);
    } finally {
      await stranger.remove({ force: true }).catch(() => undefined);
    }
    expect(await remove(client, id, '?grace_seconds=0')).toMatchObject({ status: 200 });
    await purge(id);
  });

  it('that somebody has removed by hand are not replaced by empty ones', async () => {
    const id = await deploy(client, 'loses', remembering('lost', { restart: 'never' }));
    expect(await found(id)).toBe(0);
    const volume = (await named('lost'))?.id ?? '';
    expect(await client.post(`/api/deployment/${id}/stop`, {})).toMatchObject({ status: 202 });
    await until(async () => (await product.containers(id)).length === 0, { what: 'the container to go' });
    await product.docker.getVolume(`fog-volume-${volume}`).remove();
    expect(await client.post(`/api/deployment/${id}/start`, {})).toMatchObject({ status: 202 });
    const history = async (): Promise<string> => JSON.stringify((await client.get(`/api/deployment/${id}/history`)).body);
    await until(async () => (await history()).includes('The volume lost is not on its node any more'), { what: 'the reason to be shown' });
    expect(await onEngine(volume)).toBe(false);
    expect(await remove(client, id, '?grace_seconds=0')).toMatchObject({ status: 200 });
    await purge(id);
  });
});
