import type { NodeTarget } from '../../src/engines/node-target';
import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import { containerName } from '../../src/runtime/docker/container-payload';
import { aSpec } from '../contract/runtime-under-test';
import { describeWithEngine, TEST_IMAGE } from '../support/engine';
import { until } from '../support/until';
import { startEngineProxy, type EngineProxy, type Interference } from './docker-engine-proxy';
import { dockerNode, dockerUnderTest, type DockerUnderTest } from './docker-under-test';

const never = new AbortController().signal;

describeWithEngine('the Docker driver with a bad connection to a real engine', () => {
  let t: DockerUnderTest;
  let proxy: EngineProxy;
  let node: NodeTarget;
  let spec: WorkloadSpec;

  beforeAll(async () => {
    t = await dockerUnderTest();
    proxy = await startEngineProxy();
    node = dockerNode(proxy.endpoint);
  });
  beforeEach(() => {
    proxy.asked.length = 0;
    spec = aSpec({ image: TEST_IMAGE });
  });
  afterEach(async () => {
    proxy.interfere = () => 'pass';
    proxy.answered = () => undefined;
    await t.driver.remove(t.target, spec.replicaId, { graceSeconds: 0, signal: never });
  });
  afterAll(async () => {
    await proxy?.close();
    await t?.close();
  });

  const once = (question: string, interference: Interference): void => {
    let left = 1;
    proxy.interfere = (asked) => (asked === question && left-- > 0 ? interference : 'pass');
  };
  const ensure = (signal = never): Promise<void> => t.driver.ensure(node, spec, { signal, onProgress: () => undefined });
  const remove = (): Promise<void> => t.driver.remove(node, spec.replicaId, { graceSeconds: 1, signal: never });
  const containers = () => t.driver.list(t.target, { deploymentId: spec.deploymentId }, never);
  const raw = async () =>
    (await t.docker.listContainers({ all: true })).filter(({ Labels: labels }) => labels['fog-compute.replica'] === spec.replicaId);

  it.each(['POST create', 'POST start'])(
    'takes a lost answer to %s for no answer, and the retry leaves one container',
    async (question) => {
      once(question, 'lose');
      await expect(ensure()).rejects.toMatchObject({ failure: 'unreachable', retryable: true });
      await ensure();
      expect(await containers()).toMatchObject([{ replicaId: spec.replicaId, phase: 'running' }]);
      expect(await raw()).toHaveLength(1);
    },
  );

  it.each([
    'failed to create shim: failed to dial "/run/containerd/s/x": connect: no such file or directory',
    'OCI runtime create failed: exec: "sleep": executable file not found in $PATH: unknown',
    'exec format error',
    'context canceled',
  ])('takes code 500 to a start for no answer about the image: %s', async (message) => {
    once('POST start', { status: 500, body: { message } });
    await expect(ensure()).rejects.toMatchObject({ failure: 'timeout', message: 'The engine could not start the container (code 500)' });
    await ensure();
    expect(await containers()).toMatchObject([{ replicaId: spec.replicaId, phase: 'running' }]);
  });

  it('starts nothing when the abort comes between creation and start', async () => {
    const abort = new AbortController();
    proxy.answered = (asked) => (asked === 'POST create' ? abort.abort() : undefined);
    await expect(ensure(abort.signal)).rejects.toMatchObject({ failure: 'aborted' });
    expect(proxy.asked).not.toContain('POST start');
    expect(await raw()).toMatchObject([{ State: 'created' }]);
    await remove();
    expect(await raw()).toEqual([]);
  });

  it('sees a creation through that has begun when the abort comes', async () => {
    const abort = new AbortController();
    proxy.interfere = (asked) => {
      if (asked === 'POST create') setImmediate(() => abort.abort());
      return 'pass';
    };
    await expect(ensure(abort.signal)).rejects.toMatchObject({ failure: 'aborted' });
    expect(await raw()).toMatchObject([{ State: 'created' }]);
  });

  it('lists a container whose start is under way without asking about it: the engine answers that only after the start', async () => {
    const started = ensure();
    await until(() => proxy.asked.includes('POST start'), { everyMs: 1, what: 'the start to be asked for' });
    proxy.asked.length = 0;
    const listed = await t.driver.list(node, { deploymentId: spec.deploymentId }, never);
    expect(listed).toMatchObject([{ replicaId: spec.replicaId, hasRun: false, phase: 'starting' }]);
    expect(proxy.asked).toEqual(['GET list']);
    await started;
  });

  it.each([
    ['is there', (shown: string) => shown],
    ['has been replaced meanwhile', () => 'a'.repeat(64)],
  ])('removes its containers when the one that a list has shown %s, without looking for that one first', async (_what, shown) => {
    await ensure();
    const [container] = await raw();
    proxy.asked.length = 0;
    const containerId = shown(container!.Id);
    await t.driver.remove(node, spec.replicaId, { graceSeconds: 1, signal: never, containerId });
    expect(proxy.asked[0]).toBe('POST stop');
    expect(await raw()).toEqual([]);
  });

  it('adopts its container by name when the list does not show it yet', async () => {
    await t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
    const [before] = await containers();
    once('GET list', { status: 200, body: [] });
    await ensure();
    expect(proxy.asked).toContain('POST create');
    expect((await containers()).map(({ containerId }) => containerId)).toEqual([before?.containerId]);
  });

  it('fails loudly when a stranger has the name, and leaves the stranger alone', async () => {
    const stranger = await t.docker.createContainer({ Image: TEST_IMAGE, name: containerName(spec) });
    try {
      await expect(ensure()).rejects.toMatchObject({
        failure: 'unfit',
        message: expect.stringContaining(containerName(spec)) as string,
      });
      expect((await stranger.inspect()).State.Status).toBe('created');
    } finally {
      await stranger.remove({ force: true });
    }
  });

  it.each<[string, Interference]>([
    ['POST stop', { status: 500, body: { message: 'cannot stop container' } }],
    ['DELETE container', { status: 409, body: { message: 'removal of container is already in progress' } }],
  ])('removes although %s goes wrong once', async (question, interference) => {
    await ensure();
    once(question, interference);
    await remove();
    expect(await raw()).toEqual([]);
  });

  it.each<[string, Interference]>([
    ['POST stop', 'lose'],
    ['DELETE container', 'lose'],
    ['DELETE container', { status: 500, body: { message: 'driver failed to remove root filesystem' } }],
    ['GET list', { status: 503, body: { message: 'not now' } }],
  ])('never concludes from a bad answer to %s that the container is gone, and the retry removes it', async (question, interference) => {
    await ensure();
    once(question, interference);
    await expect(remove()).rejects.toMatchObject({ name: 'DriverError', retryable: true });
    await remove();
    expect(await raw()).toEqual([]);
  });

  it.each<Interference>(['cut', 'lose', { status: 200, body: { message: 'none' } }, { status: 500, body: { message: 'no' } }])(
    'lists completely or throws (%j)',
    async (interference) => {
      await ensure();
      once('GET list', interference);
      await expect(t.driver.list(node, {}, never)).rejects.toMatchObject({ name: 'DriverError', retryable: true });
    },
  );

  it('does not read an unknown image as an absent container', async () => {
    await ensure();
    once('GET json', { status: 404, body: { message: 'No such image: x' } });
    await expect(t.driver.find(node, spec.replicaId, never)).rejects.toMatchObject({ failure: 'timeout' });
  });

  it('says that the watch broke when the stream of events ends', async () => {
    const other = await startEngineProxy();
    const answered: string[] = [];
    other.answered = (asked) => void answered.push(asked);
    const watching = t.driver.watch(dockerNode(other.endpoint), () => undefined, never);
    const broken = expect(watching).rejects.toMatchObject({ failure: 'unreachable' });
    await until(() => answered.includes('GET events'), { what: 'the stream of events' });
    await other.close();
    await broken;
  });
});
