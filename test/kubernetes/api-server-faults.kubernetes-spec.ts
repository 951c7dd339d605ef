import { DriverError, type WorkloadSpec } from '../../src/runtime/runtime-driver';
import { selectorOf } from '../../src/runtime/kubernetes/labels';
import { aSpec } from '../contract/runtime-under-test';
import { until } from '../support/until';
import { ApiProxy, type Interference } from './api-proxy';
import { clusterUnderTest, describeWithCluster, type ClusterUnderTest } from './cluster-under-test';

const never = new AbortController().signal;

describeWithCluster('the Kubernetes driver with a bad connection to a real API server', () => {
  let proxy: ApiProxy;
  let t: ClusterUnderTest;
  let spec: WorkloadSpec;

  beforeAll(async () => {
    proxy = await new ApiProxy().start();
    t = await clusterUnderTest({ through: proxy.through() });
  });
  beforeEach(() => {
    proxy.asked.length = 0;
    spec = t.scripted('steady', aSpec({ env: { GREETING: 'hello' } }));
  });
  afterEach(async () => {
    proxy.interfere = () => 'pass';
    proxy.showCertificateOf('server');
    await remove();
  });
  afterAll(async () => {
    await t?.close();
    await proxy?.close();
  });

  const ensure = (): Promise<void> => t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
  const remove = (): Promise<void> => t.driver.remove(t.target, spec.replicaId, { graceSeconds: 0, signal: never });
  const find = () => t.driver.find(t.target, spec.replicaId, never);
  const list = () => t.driver.list(t.target, { deploymentId: spec.deploymentId }, never);
  const isRunning = async (): Promise<boolean> => (await find())?.phase === 'running';
  const pods = async () => {
    const labelSelector = selectorOf({ installationId: t.installationId, replicaId: spec.replicaId });
    return (await t.client.core.listNamespacedPod({ namespace: t.client.access.namespace, labelSelector })).items;
  };
  const failure = async (work: () => Promise<unknown>): Promise<DriverError> => {
    const error: unknown = await work().then(
      () => new Error('It succeeded'),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DriverError);
    return error as DriverError;
  };
  const countOf = (question: string): number => proxy.asked.filter((asked) => asked === question).length;
  const refusal = (code: number, message: string, headers: Readonly<Record<string, string>> = {}): Interference => ({
    ...{ status: code, headers },
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code },
  });

  it.each(['POST secrets', 'POST jobs', 'LIST pods', 'DELETE jobs'])(
    'asks again as late as an API server that has too much to do wants: %s',
    async (question) => {
      proxy.disturb(question, refusal(429, 'too many requests', { 'Retry-After': '1' }), 2);
      await ensure();
      await until(isRunning, { what: 'it to run' });
      await remove();
      expect(await find()).toBeNull();
      expect(countOf(question)).toBeGreaterThanOrEqual(3);
    },
  );

  it.each(['POST secrets', 'POST jobs', 'LIST pods'] as const)(
    'makes one Pod though the answer of %s is lost or breaks off',
    async (question) => {
      for (const interference of ['lose', 'cut', 'drop'] as const) {
        proxy.disturb(question, interference);
        await ensure().catch((error: unknown) => expect(error).toMatchObject({ failure: expect.stringMatching(/unreachable|timeout/) }));
        await ensure();
        await until(isRunning, { what: 'it to run' });
        expect(await pods()).toHaveLength(1);
        await remove();
        expect(await pods()).toHaveLength(0);
      }
    },
  );

  it.each([500, 503])('never gives up a start because the API server answers %d now and then', async (code) => {
    let seen = 0;
    proxy.interfere = (asked) => (asked === 'LIST pods' && seen++ % 2 === 1 ? refusal(code, 'etcdserver: leader changed') : 'pass');
    // `unreachable` is what the reconciler asks again after; anything else would end the replica.
    const hasStarted = (): Promise<boolean> =>
      ensure().then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ failure: 'unreachable' });
          return false;
        },
      );
    await until(hasStarted, { what: 'the start' });
    proxy.interfere = () => 'pass';
    await until(isRunning, { what: 'it to run' });
    expect(await pods()).toHaveLength(1);
  });

  it('never takes half a list for a whole one', async () => {
    await ensure();
    for (const question of ['LIST pods', 'LIST jobs']) {
      proxy.disturb(question, 'cut');
      expect(await list()).toHaveLength(1); // it asks again once
      proxy.disturb(question, 'cut', 2);
      expect((await failure(list)).failure).toMatch(/unreachable|timeout/);
    }
    expect(await list()).toHaveLength(1);
  });

  it('starts and ends on a slow API server', async () => {
    proxy.interfere = () => ({ delayMs: 400 });
    await ensure();
    await until(isRunning, { what: 'it to run' });
    await remove();
    expect(await pods()).toHaveLength(0);
  });

  it('tells the words of an API server that fails, and that an account or a certificate is no longer good', async () => {
    await t.driver.info(t.target, never);
    proxy.disturb('POST jobs', refusal(500, 'Internal error occurred: failed calling webhook "guard.example": no endpoints'));
    expect(await failure(ensure)).toMatchObject({
      failure: 'timeout',
      message: expect.stringMatching(/failed calling webhook "guard.example"/),
    });
    proxy.disturb('GET namespaces', refusal(500, 'etcdserver: request timed out'));
    expect(await failure(() => t.driver.info(t.target, never))).toMatchObject({
      ...{ failure: 'unreachable', message: expect.stringMatching(/etcdserver: request timed out/) },
    });
    proxy.disturb('LIST jobs', refusal(401, 'Unauthorized'));
    expect(await failure(list)).toMatchObject({ failure: 'unreachable', message: expect.stringMatching(/expired or was revoked/) });
    for (const [owner, words] of [
      ['stranger', /authority that is not trusted/],
      ['expired-client', /certificate has expired/],
    ] as const) {
      proxy.showCertificateOf(owner);
      expect(await failure(list)).toMatchObject({ failure: 'unreachable', message: expect.stringMatching(words) });
    }
    proxy.showCertificateOf('server');
    expect(await list()).toEqual([]);
  });

  describe('a watch', () => {
    const watch = (onChange: (replicaId: string) => void, abort: AbortController): Promise<unknown> =>
      t.driver.watch(t.target, ({ replicaId }) => onChange(replicaId), abort.signal).catch((error: unknown) => error);
    const isWatching = (): boolean => countOf('WATCH pods') > 0 && countOf('WATCH jobs') > 0;

    const expired = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (2)' } };
    it.each([
      ['410 Gone', refusal(410, 'too old resource version')],
      ['410 Gone in its stream', { status: 200, body: expired }],
      ['500', refusal(500, 'no')],
      ['403', refusal(403, 'pods is forbidden: User "x" cannot watch resource "pods"')],
      ['no answer', 'drop'],
    ] as const)(
      'ends when it is answered %s, so that all is looked at, and the next one tells what changes',
      async (_what, interference) => {
        proxy.disturb('WATCH pods', interference);
        expect(await watch(() => undefined, new AbortController())).toMatchObject({ failure: 'unreachable' });
        proxy.asked.length = 0;
        const [abort, seen] = [new AbortController(), new Set<string>()];
        const watching = watch((replicaId) => seen.add(replicaId), abort);
        await until(isWatching, { what: 'the watches' });
        await ensure();
        await until(() => seen.has(spec.replicaId), { what: 'the change' });
        abort.abort();
        expect(await watching).toBeUndefined();
      },
    );

    it('spares the list of a node while nothing changes, and what is made or removed is in it at once', async () => {
      const whole = async (): Promise<readonly unknown[]> =>
        (await t.driver.list(t.target, {}, never)).map(({ replicaId, phase }) => [replicaId, phase]);
      const questions = ['LIST pods', 'LIST jobs'];
      const watching = watch(() => undefined, new AbortController());
      await until(isWatching, { what: 'the watches' });
      await until(
        async () => {
          const before = questions.map(countOf);
          expect(await whole()).toEqual([]);
          return JSON.stringify(questions.map(countOf)) === JSON.stringify(before);
        },
        { what: 'a list that needs no question' },
      );
      await ensure();
      expect(await whole()).toEqual([[spec.replicaId, 'running']]);
      await remove();
      expect(await whole()).toEqual([]);
      proxy.breakConnections();
      expect(await watching).toMatchObject({ failure: 'unreachable' });
      const before = countOf('LIST pods');
      expect(await whole()).toEqual([]);
      expect(countOf('LIST pods')).toBe(before + 1);
    });

    it('ends when its connection breaks', async () => {
      const watching = watch(() => undefined, new AbortController());
      await until(isWatching, { what: 'the watches' });
      proxy.breakConnections();
      expect(await watching).toMatchObject({ failure: 'unreachable' });
    });
  });
});
