import { randomUUID } from 'node:crypto';
import { specDigest } from '../../src/engines/spec-digest';
import { AllowedRegistries } from '../../src/runtime/allowed-registries';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { markOf, markRepository } from '../../src/runtime/docker/image-marks';
import { OwnPullTurns } from '../../src/runtime/docker/pull-turns';
import type { EnsureOptions, WorkloadSpec } from '../../src/runtime/runtime-driver';
import { aSpec } from '../contract/runtime-under-test';
import { describeWithEngine, TEST_IMAGE, testFiles } from '../support/engine';
import { startHostileRegistry, type HostileRegistry, type RegistryMood } from '../support/hostile-registry';
import { until } from '../support/until';
import { deploy, statusOf } from '../support/deployments-under-test';
import { onDocker, ProductOnDocker } from './product-on-docker';
import { dockerUnderTest, type DockerUnderTest } from './docker-under-test';

const never = new AbortController().signal;
/** What an image of a tenant may ask for. */
const CONFIG = {
  Env: ['PATH=/bin'],
  Cmd: ['sleep', '3600'],
  Labels: { 'traefik.enable': 'true', 'com.docker.compose.project': 'theirs', [LABEL.installation]: 'stolen' },
  Healthcheck: { Test: ['CMD', 'touch', '/ran'], Interval: 1_000_000 },
  Volumes: { '/data': {}, '/var/lib/more': {} },
  ExposedPorts: { '80/tcp': {} },
};
const FAILED = /^Image \S+ could not be pulled: its registry does not offer it to this node, or could not be used$/;

describeWithEngine('images of tenants', () => {
  let t: DockerUnderTest;
  let registry: HostileRegistry;
  const name = `tenant-${randomUUID()}`;
  const image = (repository: string): string => `${registry.host}/${name}/${repository}:1`;

  beforeAll(async () => {
    registry = await startHostileRegistry(testFiles(), CONFIG);
    t = await dockerUnderTest({ registries: new AllowedRegistries(registry.host), pullStallSeconds: 3, pullTimeoutSeconds: 600 });
  });
  afterEach(() => {
    Object.assign(registry, { mood: 'serves' });
    registry.asked.length = 0;
  });
  afterAll(async () => {
    await t?.close();
    await registry?.close();
    const ours = [`${registry.host}/${name}/`, `${markRepository(t.installationId)}:`];
    const left = await t?.docker.listImages();
    const tags = (left ?? [])
      .flatMap(({ RepoTags: all }) => (all as string[] | null) ?? [])
      .filter((tag) => ours.some((own) => tag.startsWith(own)));
    for (const tag of tags) await t.docker.getImage(tag).remove();
  });

  const ensure = (spec: WorkloadSpec, by = t, chooseDigest?: EnsureOptions['chooseDigest']): Promise<void> =>
    by.driver.ensure(by.target, spec, { signal: never, onProgress: () => undefined, ...(chooseDigest ? { chooseDigest } : {}) });
  const started = async (spec: WorkloadSpec, chooseDigest?: EnsureOptions['chooseDigest']) => {
    await ensure(spec, t, chooseDigest);
    const seen = await until(() => t.driver.find(t.target, spec.replicaId, never), { what: 'the container' });
    return t.docker.getContainer(seen.containerId).inspect();
  };
  const volumesOf = async (replicaId: string) => {
    const { Volumes: volumes } = await t.docker.listVolumes({ filters: { label: [`${LABEL.replica}=${replicaId}`] } });
    return (volumes as unknown[] | null) ?? [];
  };

  it('run by one digest, however often the tag moves between two starts', async () => {
    const chosen: string[] = [];
    const choose = (digest: string): Promise<string> => {
      chosen.push(digest);
      return Promise.resolve(chosen[0] ?? digest);
    };
    const order = (over: Partial<WorkloadSpec> = {}): WorkloadSpec => aSpec({ image: image('moving'), ...over });
    const first = await started(order(), choose);
    expect(chosen).toEqual([expect.stringMatching(/^sha256:[0-9a-f]{64}$/)]);
    registry.edition = 2;
    // As on an engine that has never had the image.
    await t.docker.getImage(image('moving')).remove({ force: true });
    const second = await started(order(), choose);
    expect(new Set(chosen).size).toBe(2);
    expect(second.Image).toBe(first.Image);
    const third = await started(order({ imageDigest: chosen[0] ?? null }));
    expect(third.Image).toBe(first.Image);
    expect((await started(order())).Image).not.toBe(first.Image);
    registry.edition = 1;
  });

  it('decide about nothing on the node: labels are blank, the health check does not run, volumes go with the container', async () => {
    const spec = aSpec({ image: image('greedy') });
    const { Config: config, Mounts: mounts, Id: id, State: state, NetworkSettings: network } = await started(spec);
    expect(config.Labels).toEqual({
      [LABEL.installation]: t.installationId,
      [LABEL.deployment]: spec.deploymentId,
      [LABEL.replica]: spec.replicaId,
      [LABEL.owner]: spec.ownerId,
      [LABEL.generation]: '1',
      [LABEL.image]: spec.image,
      [LABEL.spec]: specDigest(spec),
      'traefik.enable': '',
      'com.docker.compose.project': '',
    });
    expect(state.Health).toBeUndefined();
    expect((await t.docker.getContainer(id).changes()).some(({ Path: path }: { Path: string }) => path === '/ran')).toBe(false);
    expect(Object.values(network.Ports).flat().filter(Boolean)).toEqual([]);
    expect(mounts.map(({ Destination: path }) => path).sort()).toEqual(['/data', '/var/lib/more']);
    expect(await volumesOf(spec.replicaId)).toHaveLength(2);
    await t.driver.remove(t.target, spec.replicaId, { graceSeconds: 0, signal: never });
    expect(await volumesOf(spec.replicaId)).toEqual([]);
  });

  it('are asked of no registry that is not allowed, not even by a restore', async () => {
    const [host, port] = registry.host.split(':');
    for (const elsewhere of [`localhost:${port}/a:1`, `${host?.replace('127.0.0.1', '127.0.0.2')}:${port}/a:1`]) {
      await expect(ensure(aSpec({ image: elsewhere }))).rejects.toMatchObject({
        failure: 'image_unavailable',
        message: /ALLOWED_REGISTRIES/,
      });
      expect(await t.driver.offersImage(t.target, { image: elsewhere }, never)).toBe(false);
    }
    expect(registry.asked).toEqual([]);
  });

  it.each<RegistryMood>(['not found', 'limits', 'broken', 'silent', 'stalls'])(
    'fail in the same words whatever the registry does: %s',
    async (mood) => {
      registry.mood = mood;
      await expect(ensure(aSpec({ image: image(mood.replace(' ', '-')) }))).rejects.toMatchObject({
        failure: 'image_unavailable',
        message: FAILED,
      });
      expect(registry.asked.length).toBeGreaterThan(0);
    },
  );

  it('are not found by the beginning of an id, which may be that of an image of somebody else', async () => {
    const { Id: id } = await t.docker.getImage(TEST_IMAGE).inspect();
    const beginning = id.replace('sha256:', '').slice(0, 12);
    // The engine itself would run it.
    expect((await t.docker.getImage(beginning).inspect()).Id).toBe(id);
    const refused = { 'a name': 'image_unavailable', 'an id': 'rejected' };
    for (const [image, failure] of [
      [beginning, refused['a name']],
      [`sha256:${beginning}`, refused['an id']],
    ] as const)
      await expect(ensure(aSpec({ image }))).rejects.toMatchObject({ failure });
    expect(await t.driver.offersImage(t.target, { image: beginning }, never)).toBe(false);
  });

  it('fail in the same words where nothing listens', async () => {
    const closed = await dockerUnderTest({ registries: new AllowedRegistries('127.0.0.1:1') });
    await expect(ensure(aSpec({ image: '127.0.0.1:1/a:1' }), closed)).rejects.toMatchObject({
      failure: 'image_unavailable',
      message: FAILED,
    });
    await expect(closed.driver.offersImage(closed.target, { image: '127.0.0.1:1/a:1' }, never)).rejects.toMatchObject({
      name: 'DriverError',
    });
    await closed.close();
  });

  it('are offered or not as their registry says, and unknown when it says neither', async () => {
    expect(await t.driver.offersImage(t.target, { image: image('asked') }, never)).toBe(true);
    registry.mood = 'not found';
    expect(await t.driver.offersImage(t.target, { image: image('asked') }, never)).toBe(false);
    for (const mood of ['limits', 'broken', 'silent'] as const) {
      registry.mood = mood;
      await expect(t.driver.offersImage(t.target, { image: image('asked') }, never)).rejects.toMatchObject({ name: 'DriverError' });
    }
  });

  it('that stall keep the pulls of another user waiting for a moment only', async () => {
    const healthy = await startHostileRegistry(testFiles(), { Cmd: ['sleep', '3600'], Env: ['PATH=/bin', `ONLY=${name}`] });
    const both = await dockerUnderTest({
      registries: new AllowedRegistries(`${registry.host},${healthy.host}`),
      pullStallSeconds: 3,
      turns: new OwnPullTurns({ total: 3, perOwner: 2 }),
    });
    registry.mood = 'stalls';
    const greedy = Array.from({ length: 6 }, (_unused, n) => ensure(aSpec({ image: image(`stall-${n}`), ownerId: 'greedy' }), both));
    const allFailed = Promise.allSettled(greedy);
    await until(() => registry.asked.length > 0, { what: 'the first stalled pull' });
    const good = `${healthy.host}/${name}/good:1`;
    const spec = aSpec({ image: good, ownerId: 'other' });
    await ensure(spec, both);
    expect(await both.driver.find(both.target, spec.replicaId, never)).toMatchObject({ replicaId: spec.replicaId });
    // All six of the other user would take three times the limit for a stall.
    const pulled = new Set(registry.asked.filter((path) => path.includes('/manifests/'))).size;
    expect(pulled).toBeLessThan(6);
    expect((await allFailed).every(({ status }) => status === 'rejected')).toBe(true);
    await both.close();
    for (const tag of [good, markOf(good, both.installationId)]) await both.docker.getImage(tag).remove();
    await healthy.close();
  });

  it('that are too large are refused and leave nothing', async () => {
    const small = await dockerUnderTest({ registries: new AllowedRegistries(registry.host), maxImageMb: 1 });
    await expect(ensure(aSpec({ image: image('large') }), small)).rejects.toMatchObject({
      failure: 'rejected',
      message: /IMAGE_MAX_SIZE_MB/,
    });
    expect(await small.docker.listImages({ filters: { reference: [image('large')] } })).toEqual([]);
    await small.close();
  });

  it('are removed when nobody has used them for long, and never what others have named', async () => {
    const owner = await dockerUnderTest({ registries: new AllowedRegistries(registry.host), imageKeepHours: 0.0001 });
    const tag = async (name: string, as: string) => owner.docker.getImage(name).tag({ repo: as.slice(0, as.lastIndexOf(':')), tag: '1' });
    const run = async (reference: string): Promise<string> => {
      const spec = aSpec({ image: reference });
      await ensure(spec, owner);
      return spec.replicaId;
    };
    const [unused, inUse, foreign, renamed, alias] = ['unused', 'in-use', 'foreign', 'renamed', 'alias'].map(image) as [
      string,
      ...string[],
    ];
    await tag(TEST_IMAGE, foreign ?? '');
    const replicas = [await run(unused), await run(foreign ?? ''), await run(renamed ?? '')];
    await run(inUse ?? '');
    await tag(renamed ?? '', alias ?? '');
    replicas.push(await run(alias ?? ''));
    for (const replicaId of replicas) await owner.driver.remove(owner.target, replicaId, { graceSeconds: 0, signal: never });

    const { Id: unusedId } = await owner.docker.getImage(unused).inspect();
    const known = async (): Promise<boolean[]> =>
      Promise.all(
        [unused, inUse, foreign, renamed, alias].map(
          async (reference) => (await owner.docker.listImages({ filters: { reference: [reference ?? ''] } })).length > 0,
        ),
      );
    expect(await known()).toEqual([true, true, true, true, true]);
    // Each driver tidies up once in ten minutes, so every look takes another one of the same installation.
    await until(
      async () => {
        await owner.again().tidy(owner.target, never);
        return (await known()).filter(Boolean).length === 3;
      },
      { what: 'what nobody has used to go' },
    );
    expect(await known()).toEqual([false, true, true, false, true]);
    await expect(owner.docker.getImage(unusedId).inspect()).rejects.toMatchObject({ statusCode: 404 });
    await owner.close();
    await owner.docker.getImage(markOf(inUse ?? '', owner.installationId)).remove();
  });

  it('leave volumes that are found again when something else removes the container', async () => {
    const spec = aSpec({ image: image('volumes') });
    const { Id: id } = await started(spec);
    await t.docker.getContainer(id).remove({ force: true, v: false });
    expect(await volumesOf(spec.replicaId)).toHaveLength(2);
    await t.again().tidy(t.target, never);
    expect(await volumesOf(spec.replicaId)).toEqual([]);
  });
});

describeWithEngine('a deployment whose image a user has placed inside of the network', () => {
  it('asks nobody there by default, and says which setting closes it', async () => {
    const inner = await startHostileRegistry(testFiles());
    const product = await ProductOnDocker.start();
    try {
      const [, port] = inner.host.split(':');
      for (const [name, host] of Object.entries({ literal: inner.host, localhost: `localhost:${port}`, odd: `ghcr.io:${port}` })) {
        const id = await deploy(product.client, name, onDocker({ container_image: `${host}/a/b:1` }));
        const { reason } = await until(
          async () => (await statusOf(product.client, id)).replicas.find((replica) => replica.reason?.includes('registry')),
          { what: 'the reason' },
        );
        expect(reason).toMatch(/is not on the node, and its registry is not one that this installation pulls from \(ALLOWED_REGISTRIES\)/);
      }
      expect(inner.asked).toEqual([]);
    } finally {
      await product.close();
      await inner.close();
    }
  });
});
