import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { RESTART_POLICIES } from '../../src/engines/container-spec';
import { specDigest } from '../../src/engines/spec-digest';
import {
  DriverError,
  type FollowOptions,
  type LogLine,
  type ObservedWorkload,
  type WorkloadLog,
  type WorkloadSample,
  type WorkloadSpec,
  type WorkloadVolume,
} from '../../src/runtime/runtime-driver';
import { until } from '../support/until';
import { aSpec, type RuntimeUnderTest, type Script, someResources } from './runtime-under-test';

/** What ends a container with the grace time of its own, and not with the one that was asked for, takes ten seconds at least. */
const SOON_SECONDS = 9;

/** The contract of runtime-driver.ts as tests; every driver passes all of it. */
export function describeRuntimeDriver(name: string, setup: () => Promise<RuntimeUnderTest>): void {
  describe(`runtime driver: ${name}`, () => {
    let t: RuntimeUnderTest;
    const made: string[] = [];
    const never = new AbortController().signal;
    setMaxListeners(Infinity, never); // calls of all tests, many at once, listen to it

    beforeAll(async () => {
      t = await setup();
    });
    afterEach(async () => {
      await Promise.all(made.splice(0).map((replicaId) => remove(replicaId)));
    });
    afterAll(() => t?.close());

    const scripted = (script: Script, over: Partial<WorkloadSpec> = {}): WorkloadSpec => {
      const spec = t.scripted(script, aSpec(over));
      made.push(spec.replicaId);
      return spec;
    };
    const ensure = (spec: WorkloadSpec, signal = never): Promise<void> =>
      t.driver.ensure(t.target, spec, { signal, onProgress: () => undefined });
    /** A kubelet does not always end sooner than it was told first; whoever asked asks again. Other engines are asked once. */
    const patiently = (order: () => Promise<void>, again = t.endsWithinSeconds === undefined ? 0 : 3): Promise<void> =>
      order().catch((error: unknown) => {
        if (again > 0 && error instanceof DriverError && error.failure === 'timeout') return patiently(order, again - 1);
        throw error;
      });
    const remove = (replicaId: string, graceSeconds = 0): Promise<void> =>
      patiently(() => t.driver.remove(t.target, replicaId, { graceSeconds, signal: never }));
    const find = (replicaId: string): Promise<ObservedWorkload | null> => t.driver.find(t.target, replicaId, never);
    const listed = async (deploymentId?: string): Promise<string[]> =>
      (await t.driver.list(t.target, deploymentId === undefined ? {} : { deploymentId }, never)).map(({ replicaId }) => replicaId);
    const reaches = (replicaId: string, phase: ObservedWorkload['phase']): Promise<ObservedWorkload> =>
      until(async () => [await find(replicaId)].find((workload) => workload?.phase === phase), { what: `phase ${phase}` });
    const running = async (spec: WorkloadSpec): Promise<ObservedWorkload> => {
      await ensure(spec);
      return reaches(spec.replicaId, 'running');
    };
    const failure = (work: Promise<unknown>): Promise<DriverError> =>
      work.then(
        () => {
          throw new Error('It succeeded');
        },
        (error: unknown) => {
          expect(error).toBeInstanceOf(DriverError);
          return error as DriverError;
        },
      );

    it('tells what the engine and its machine are', async () => {
      const info = await t.driver.info(t.target, never);
      expect(info.engineId).not.toBe('');
      expect(info.version).not.toBe('');
      for (const amount of [info.cpuCores, info.memoryMb, info.storageGb]) expect(amount).toBeGreaterThan(0);
      for (const percent of [info.cpuUsagePercent, info.memoryUsagePercent]) expect(percent >= 0 && percent <= 100).toBe(true);
      expect((await t.driver.info(t.target, never)).engineId).toBe(info.engineId);
    });

    it('tells which images can be had', async () => {
      expect(await t.driver.offersImage(t.target, { image: scripted('steady').image }, never)).toBe(true);
      const missing = t.driver.offersImage(t.target, { image: scripted('missing-image').image }, never);
      if (t.lacks?.offers) expect((await failure(missing)).failure).toBe('timeout');
      else expect(await missing).toBe(false);
      expect((await failure(t.driver.offersImage(t.away, { image: scripted('steady').image }, never))).failure).toBe('unreachable');
    });

    describe('ensure', () => {
      it('starts a workload that is then seen to run, the same by list and by find', async () => {
        const spec = scripted('steady');
        const workload = await running(spec);
        expect(workload).toMatchObject({ replicaId: spec.replicaId, deploymentId: spec.deploymentId, exitCode: null, reason: null });
        expect(workload.containerId).toMatch(/^(?:[0-9a-f]{64}|[0-9a-f-]{36})$/);
        expect(workload.startedAt).toBeInstanceOf(Date);
        const [fromList] = await t.driver.list(t.target, { deploymentId: spec.deploymentId }, never);
        const untold = { startedAt: null, upSeconds: null };
        expect({ ...fromList, ...untold }).toEqual({ ...workload, ...untold });
      });

      it('makes a workload that tells what it is made of, so that it can be compared when its record is lost', async () => {
        const spec = scripted('steady');
        const { origin } = await running(spec);
        expect(origin).toMatchObject({ image: spec.image, generation: spec.generation, specDigest: specDigest(spec) });
        expect(origin?.name).not.toBe('');
        expect(origin?.createdAt).toBeInstanceOf(Date);
      });

      it('asked twice leaves one workload, and the same one', async () => {
        const spec = scripted('steady');
        const first = await running(spec);
        await ensure(spec);
        expect(await listed(spec.deploymentId)).toEqual([spec.replicaId]);
        expect((await find(spec.replicaId))?.containerId).toBe(first.containerId);
      });

      it('asked eight times at once leaves one workload', async () => {
        const spec = scripted('steady');
        await Promise.all(Array.from({ length: 8 }, () => ensure(spec)));
        await reaches(spec.replicaId, 'running');
        expect(await listed(spec.deploymentId)).toEqual([spec.replicaId]);
      });

      it('does not start again what has exited', async () => {
        const spec = scripted('fails');
        await ensure(spec);
        const before = await reaches(spec.replicaId, 'exited');
        await ensure(spec);
        expect(await find(spec.replicaId)).toEqual(before);
      });

      it('makes a new workload once the exited one has been removed', async () => {
        const spec = scripted('fails');
        await ensure(spec);
        const before = await reaches(spec.replicaId, 'exited');
        await remove(spec.replicaId);
        await ensure(spec);
        expect((await reaches(spec.replicaId, 'exited')).containerId).not.toBe(before.containerId);
      });

      it('says in words that an image is not to be had', async () => {
        const spec = scripted('missing-image');
        const error = await failure(ensure(spec));
        expect(error.failure).toBe('image_unavailable');
        expect(error.message).toContain(spec.image);
        expect(await find(spec.replicaId)).toBeNull();
      });

      it('creates nothing after the abort', async () => {
        const spec = scripted('steady');
        expect((await failure(ensure(spec, AbortSignal.abort()))).failure).toBe('aborted');
        expect(await find(spec.replicaId)).toBeNull();
      });

      it('aborted at any moment leaves nothing that a removal does not find', async () => {
        await Promise.all(
          [0, 1, 3, 10, 30, 60, 100, 200].map(async (afterMs) => {
            const spec = scripted('steady');
            await ensure(spec, AbortSignal.timeout(afterMs)).catch((error: unknown) => expect(error).toMatchObject({ failure: 'aborted' }));
            await remove(spec.replicaId);
            expect(await listed(spec.deploymentId)).toEqual([]);
          }),
        );
      });

      it('publishes ports', async () => {
        const spec = scripted('steady', {
          ports: [
            { containerPort: 80, protocol: 'tcp' },
            { containerPort: 53, protocol: 'udp' },
          ],
        });
        const { publishedPorts } = await running(spec);
        if (t.lacks?.hostPorts) {
          expect(publishedPorts.map(({ containerPort, hostPort }) => [containerPort, hostPort])).toEqual([
            [80, 80],
            [53, 53],
          ]);
          for (const { hostIp } of publishedPorts) expect(isIP(hostIp)).not.toBe(0);
          return;
        }
        expect(publishedPorts.map(({ containerPort, protocol, hostIp }) => ({ containerPort, protocol, hostIp })).sort(byPort)).toEqual([
          { containerPort: 53, protocol: 'udp', hostIp: '127.0.0.1' },
          { containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1' },
        ]);
        for (const { hostPort } of publishedPorts) expect(hostPort).toBeGreaterThan(1023);
      });
    });

    describe('volumes', () => {
      const aVolume = (over: Partial<WorkloadVolume> = {}): WorkloadVolume => ({
        ...{ id: randomUUID(), name: 'data', path: '/data', sizeGb: 1, readOnly: false, wasMade: false, ...over },
      });
      const has = async (id: string): Promise<boolean> => (await t.driver.volumes?.list(t.target, never))?.includes(id) ?? false;

      it('are kept by kinds that say so, and refused by others', async () => {
        expect(t.driver.volumes !== null).toBe(t.driver.traits.keepsVolumes);
        if (t.driver.volumes === null) expect((await failure(ensure(scripted('steady', { volumes: [aVolume()] })))).failure).toBe('unfit');
      });

      it('outlive their workloads and are tidied away by nobody, until they are removed by their ids', async () => {
        if (t.driver.volumes === null) return;
        const volume = aVolume();
        const spec = scripted('steady', { volumes: [volume] });
        try {
          await running(spec);
          expect(await has(volume.id)).toBe(true);
          await remove(spec.replicaId);
          await t.driver.tidy(t.target, never);
          expect(await has(volume.id)).toBe(true);
          await running(scripted('steady', { volumes: [{ ...volume, wasMade: true, readOnly: true }] }));
        } finally {
          await Promise.all(made.splice(0).map((replicaId) => remove(replicaId)));
          await t.driver.volumes.remove(t.target, volume.id, never);
        }
        expect(await has(volume.id)).toBe(false);
        await t.driver.volumes.remove(t.target, volume.id, never);
      });

      it('are not made anew once they were there', async () => {
        if (t.driver.volumes === null) return;
        const spec = scripted('steady', { volumes: [aVolume({ wasMade: true })] });
        const error = await failure(ensure(spec));
        expect(error.failure).toBe('rejected');
        expect(error.message).toContain('The volume data is not on its node any more');
        expect(await find(spec.replicaId)).toBeNull();
      });

      it('are written by one workload at a time, whatever the records say, beside any that only read', async () => {
        // A simulated engine stores nothing that could be spoilt.
        if (t.driver.volumes === null || t.driver.traits.isSimulation) return;
        const volume = aVolume();
        const [first, second] = [
          scripted('steady', { volumes: [volume] }),
          scripted('steady', { volumes: [{ ...volume, wasMade: true }] }),
        ];
        try {
          await running(first);
          const error = await failure(ensure(second));
          expect(error.failure).toBe('timeout');
          expect(error.message).toContain('still writes to the volume data');
          expect((await find(second.replicaId))?.phase ?? 'starting').toBe('starting');
          // A cluster may put a reader on another machine, where it waits.
          if (!t.driver.traits.isCluster) await running(scripted('steady', { volumes: [{ ...volume, wasMade: true, readOnly: true }] }));
          await ensure(first);
          await remove(first.replicaId);
          await running(second);
        } finally {
          await Promise.all(made.splice(0).map((replicaId) => remove(replicaId)));
          await t.driver.volumes.remove(t.target, volume.id, never);
        }
      });

      it('of a node whose engine does not answer are neither listed nor removed', async () => {
        if (t.driver.volumes === null) return;
        expect((await failure(t.driver.volumes.list(t.away, never))).failure).toBe('unreachable');
        expect((await failure(t.driver.volumes.remove(t.away, randomUUID(), never))).failure).toBe('unreachable');
      });
    });

    describe('suspend', () => {
      const suspend = (replicaId: string, graceSeconds = 2): Promise<void> =>
        patiently(() => t.driver.suspend(t.target, replicaId, { graceSeconds, signal: never }));
      const suspended = async (spec: WorkloadSpec): Promise<ObservedWorkload> => {
        await running(spec);
        await suspend(spec.replicaId);
        return (await find(spec.replicaId))!;
      };
      const resume = (spec: WorkloadSpec, resumeRunAt: Date | null): Promise<void> =>
        t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined, resumeRunAt });

      it('has stopped the workload when it resolves, keeps it, and succeeds again', async () => {
        const spec = scripted('steady');
        const before = await running(spec);
        await suspend(spec.replicaId);
        const after = await find(spec.replicaId);
        expect(after).toMatchObject({ phase: 'exited', containerId: before.containerId });
        await suspend(spec.replicaId);
        expect(await find(spec.replicaId)).toEqual(after);
        expect(await t.driver.list(t.target, { deploymentId: spec.deploymentId }, never)).toEqual([after]);
      });

      it('of what does not exist succeeds', async () => {
        await suspend(randomUUID());
      });

      it('leaves one that has ended by itself as it is', async () => {
        const spec = scripted('fails');
        await ensure(spec);
        const before = await reaches(spec.replicaId, 'exited');
        await suspend(spec.replicaId);
        expect(await find(spec.replicaId)).toEqual(before);
      });

      it('takes one that ignores SIGTERM within the grace time, however often and how patiently it is asked', async () => {
        const spec = scripted('stubborn');
        await running(spec);
        const begin = performance.now();
        await Promise.all([suspend(spec.replicaId, 2), pauseMs(200).then(() => suspend(spec.replicaId, 60))]);
        expect((performance.now() - begin) / 1000).toBeLessThan(t.endsWithinSeconds ?? SOON_SECONDS);
        expect(await find(spec.replicaId)).toMatchObject({
          phase: 'exited',
          exitCode: t.lacks?.exitOfSuspended ? null : 137,
        });
      });

      it('gives up its wait on abort', async () => {
        const spec = scripted('stubborn');
        await running(spec);
        const work = t.driver.suspend(t.target, spec.replicaId, { graceSeconds: 20, signal: AbortSignal.timeout(200) });
        expect((await failure(work)).failure).toBe('aborted');
        await t.vanish(spec.replicaId);
      });

      it('is undone by an ensure that names the run: the same container runs again, with its ports', async () => {
        const spec = scripted('steady', { ports: [{ containerPort: 80, protocol: 'tcp' }] });
        const { containerId, startedAt } = await suspended(spec);
        await resume(spec, startedAt);
        const again = await reaches(spec.replicaId, 'running');
        expect(again).toMatchObject({ containerId, exitCode: null, reason: null, publishedPorts: [{ containerPort: 80 }] });
        await resume(spec, startedAt);
        expect(await listed(spec.deploymentId)).toEqual([spec.replicaId]);
      });

      it('is not undone by an ensure that names no run, or another', async () => {
        const spec = scripted('steady');
        const before = await suspended(spec);
        await ensure(spec);
        await resume(spec, new Date(before.startedAt!.getTime() - 60_000));
        expect(await find(spec.replicaId)).toEqual(before);
      });

      it('does not make a later end look like the suspended run: that end is not started again', async () => {
        const spec = scripted('steady');
        const { startedAt } = await suspended(spec);
        await pauseMs(20); // so that the second run begins at another millisecond
        await resume(spec, startedAt);
        await reaches(spec.replicaId, 'running');
        await t.kill(spec.replicaId);
        const dead = await reaches(spec.replicaId, 'exited');
        expect(dead.startedAt).not.toEqual(startedAt);
        await resume(spec, startedAt);
        expect(await find(spec.replicaId)).toEqual(dead);
      });

      it('makes a new workload when the suspended one has been removed meanwhile', async () => {
        const spec = scripted('steady');
        const { containerId, startedAt } = await suspended(spec);
        await t.vanish(spec.replicaId);
        await resume(spec, startedAt);
        expect((await reaches(spec.replicaId, 'running')).containerId).not.toBe(containerId);
      });

      it('is not prolonged by a removal that would be more patient', async () => {
        const spec = scripted('stubborn');
        await running(spec);
        const begin = performance.now();
        await Promise.all([suspend(spec.replicaId, 2), pauseMs(500).then(() => remove(spec.replicaId, 60))]);
        expect((performance.now() - begin) / 1000).toBeLessThan(t.endsWithinSeconds ?? SOON_SECONDS);
        expect(await find(spec.replicaId)).toBeNull();
      });

      it('can be followed by a removal', async () => {
        const spec = scripted('steady');
        await suspended(spec);
        await remove(spec.replicaId);
        expect(await find(spec.replicaId)).toBeNull();
      });
    });

    it('shows that a health check has failed which has never passed, in words', async () => {
      const check = { command: ['false'], intervalSeconds: 1, timeoutSeconds: 1, retries: 2, startPeriodSeconds: 0 };
      const spec = scripted('unwell', { healthCheck: check });
      await ensure(spec);
      const { reason, hasRun } = await reaches(spec.replicaId, 'unhealthy');
      expect(hasRun).toBe(true);
      expect(reason).toMatch(/^Health check fails/);
      expect(await t.driver.list(t.target, { deploymentId: spec.deploymentId }, never)).toMatchObject([{ phase: 'unhealthy' }]);
    });

    describe('an end', () => {
      it('shows the exit code and a reason', async () => {
        const spec = scripted('fails');
        await ensure(spec);
        expect(await reaches(spec.replicaId, 'exited')).toMatchObject({ exitCode: 3, reason: 'Exited with code 3' });
        expect(await t.driver.list(t.target, { deploymentId: spec.deploymentId }, never)).toMatchObject([{ phase: 'exited', exitCode: 3 }]);
      });

      it.each(
        RESTART_POLICIES.flatMap((restart) => [
          { restart, script: 'ends' as const, exitCode: 0 },
          { restart, script: 'fails' as const, exitCode: 3 },
        ]),
      )(
        'with code $exitCode under `restart: $restart` is told as it is, and no engine starts it again',
        async ({ restart, script, exitCode }) => {
          const spec = scripted(script, { restart });
          await ensure(spec);
          const before = await reaches(spec.replicaId, 'exited');
          expect(before).toMatchObject({ hasRun: true, exitCode });
          expect(before.startedAt).toBeInstanceOf(Date);
          await ensure(spec);
          await pauseMs(300); // in which an engine that decides by itself would have begun
          expect(await find(spec.replicaId)).toEqual(before);
          expect(await listed(spec.deploymentId)).toEqual([spec.replicaId]);
        },
      );

      it('by lack of memory says so', async () => {
        const spec = scripted('out-of-memory', { resources: someResources({ memoryMb: 16 }) });
        await ensure(spec);
        await reaches(spec.replicaId, 'exited');
        // Docker reports the end and its reason in two messages, and the reason may be the second.
        const ended = await until(
          async () => [await find(spec.replicaId)].find((workload) => workload?.reason?.startsWith('Out of memory')),
          {
            what: 'the reason',
          },
        );
        expect(ended).toMatchObject({ exitCode: 137, reason: 'Out of memory (limit 16 MB)' });
      });
    });

    describe('remove', () => {
      it('is confirmed when it resolves, and succeeds again', async () => {
        const spec = scripted('steady');
        await running(spec);
        await remove(spec.replicaId, 5);
        expect(await find(spec.replicaId)).toBeNull();
        expect(await listed(spec.deploymentId)).toEqual([]);
        await remove(spec.replicaId, 5);
      });

      it('of what never existed succeeds', async () => {
        await remove(randomUUID());
      });

      it('asked eight times at once succeeds eight times', async () => {
        const spec = scripted('steady');
        await running(spec);
        await Promise.all(Array.from({ length: 8 }, () => remove(spec.replicaId, 2)));
        expect(await find(spec.replicaId)).toBeNull();
      });

      it('takes a workload that ignores SIGTERM soon after the grace time', async () => {
        const spec = scripted('stubborn');
        await running(spec);
        const begin = performance.now();
        await remove(spec.replicaId, 2);
        const seconds = (performance.now() - begin) / 1000;
        expect(await find(spec.replicaId)).toBeNull();
        expect(seconds).toBeGreaterThan(1.9);
        expect(seconds).toBeLessThan(t.endsWithinSeconds ?? SOON_SECONDS);
      });

      it('gives up its wait on abort', async () => {
        const spec = scripted('stubborn');
        await running(spec);
        const work = t.driver.remove(t.target, spec.replicaId, { graceSeconds: 20, signal: AbortSignal.timeout(200) });
        expect((await failure(work)).failure).toBe('aborted');
        await t.vanish(spec.replicaId);
      });
    });

    describe('list and find', () => {
      it('shows one deployment, or all of the node', async () => {
        const [one, other] = [scripted('steady'), scripted('steady')];
        const sibling = scripted('steady', { deploymentId: one.deploymentId });
        await Promise.all([one, other, sibling].map((spec) => ensure(spec)));
        expect((await listed(one.deploymentId)).sort()).toEqual([one.replicaId, sibling.replicaId].sort());
        expect(await listed()).toEqual(expect.arrayContaining([one.replicaId, other.replicaId, sibling.replicaId]));
      });

      it('never shows and never touches what belongs to others', async () => {
        const spec = scripted('steady');
        const lives = await t.decoy(spec);
        expect(await listed(spec.deploymentId)).toEqual([]);
        expect(await listed()).not.toContain(spec.replicaId);
        expect(await find(spec.replicaId)).toBeNull();
        await remove(spec.replicaId);
        expect(await lives()).toBe(true);
      });

      it('finds nothing once the container has been removed by hand', async () => {
        const spec = scripted('steady');
        await running(spec);
        await t.vanish(spec.replicaId);
        expect(await find(spec.replicaId)).toBeNull();
      });
    });

    describe('logs', () => {
      it('gives back what the workload wrote, oldest first, and so the environment that it got', async () => {
        const spec = scripted('speaks', { env: { GREETING: 'grüß $HOME "x"' } });
        await running(spec);
        const read = (tailLines: number, maxBytes = 1_000): Promise<WorkloadLog> =>
          t.driver.logs(t.target, spec.replicaId, { tailLines, maxBytes }, never);
        await until(async () => (await read(10)).lines.length === 2, { what: 'two lines' });
        expect(await read(10)).toEqual({ lines: ['first grüß $HOME "x"', 'second grüß $HOME "x"'], cut: false, error: null });
        expect(await read(1)).toEqual({ lines: ['second grüß $HOME "x"'], cut: false, error: null });
        expect(await read(10, 30)).toEqual({ lines: ['second grüß $HOME "x"'], cut: true, error: null });
      });

      it('of a silent or absent workload are empty', async () => {
        const spec = scripted('steady');
        await running(spec);
        for (const replicaId of [spec.replicaId, randomUUID()]) {
          expect(await t.driver.logs(t.target, replicaId, { tailLines: 10, maxBytes: 1_000 }, never)).toEqual({
            lines: [],
            cut: false,
            error: null,
          });
        }
      });
    });

    describe('follow', () => {
      const follow = async (replicaId: string, over: Partial<FollowOptions> = {}): Promise<AsyncIterable<LogLine> | null> =>
        t.driver.follow(t.target, replicaId, { since: null, tailLines: null, signal: never, ...over });
      /** Reads so many lines and leaves. */
      const lines = async (replicaId: string, count: number, over: Partial<FollowOptions> = {}): Promise<LogLine[]> => {
        const stop = new AbortController();
        const read: LogLine[] = [];
        for await (const line of (await follow(replicaId, { ...over, signal: stop.signal })) ?? []) {
          read.push(line);
          if (read.length === count) stop.abort();
        }
        return read;
      };

      it('gives every line as it is written, with the time and the stream, and ends with the abort', async () => {
        const spec = scripted('speaks', { env: { GREETING: 'grüß $HOME "x"' } });
        await running(spec);
        const [first, second] = await lines(spec.replicaId, 2);
        expect(first).toMatchObject({ line: 'first grüß $HOME "x"', stream: 'stdout', cut: false });
        expect(second?.line).toBe('second grüß $HOME "x"');
        for (const line of [first, second]) expect(line?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      });

      it('begins with the last lines, or at a time, the lines of that very time included', async () => {
        const spec = scripted('speaks', { env: { GREETING: 'you' } });
        await running(spec);
        const all = await lines(spec.replicaId, 2);
        expect(await lines(spec.replicaId, 1, { tailLines: 1 })).toEqual([all[1]]);
        const since = all[1]!.time;
        const from = all.filter(({ time }) => time >= since);
        expect(await lines(spec.replicaId, from.length, { since })).toEqual(from);
      });

      it('ends by itself with the workload, and knows nothing of one that is not there', async () => {
        const spec = scripted('fails');
        await ensure(spec);
        for await (const line of (await follow(spec.replicaId)) ?? []) expect(line).toBeUndefined();
        expect(await follow(randomUUID())).toBeNull();
      });
    });

    describe('sample', () => {
      it('counts what a running workload uses, and has nothing of one that is not there', async () => {
        const spec = scripted('steady');
        await running(spec);
        if (t.lacks?.samples) {
          expect((await failure(t.driver.sample(t.target, spec.replicaId, never))).failure).toBe('unfit');
          return;
        }
        const read = async (): Promise<WorkloadSample> => (await t.driver.sample(t.target, spec.replicaId, never))!;
        const first = await read();
        expect(first.memoryUsedMb).toBeGreaterThan(0);
        expect(first.memoryUsedMb).toBeLessThan(65);
        const later = await until(async () => [await read()].find(({ takenAt }) => takenAt > first.takenAt));
        expect(later.clockSeconds).toBeGreaterThan(first.clockSeconds);
        expect(later.cpuSeconds).toBeGreaterThanOrEqual(first.cpuSeconds);
        expect(await t.driver.sample(t.target, randomUUID(), never)).toBeNull();
      });

      it('has nothing of one that has ended', async () => {
        const spec = scripted('fails');
        await ensure(spec);
        await reaches(spec.replicaId, 'exited');
        expect(await t.driver.sample(t.target, spec.replicaId, never)).toBeNull();
      });
    });

    describe('watch', () => {
      it.each(['kill', 'vanish'] as const)('tells of a %s as soon as the engine does, and ends with the abort', async (harm) => {
        const spec = scripted('steady');
        await running(spec);
        const stop = new AbortController();
        const told: number[] = [];
        let others = 0;
        const watching = t.driver.watch(
          t.target,
          (change) => {
            if (change.replicaId !== spec.replicaId) others += 1;
            else if (change.deploymentId === spec.deploymentId) told.push(performance.now());
          },
          stop.signal,
        );
        // Nothing but what it tells shows that the watch has begun, so others are harmed until it tells of one.
        const hasBegun = async (): Promise<boolean> => {
          const other = scripted('steady');
          await running(other);
          await t[harm](other.replicaId);
          return others > 0;
        };
        await until(hasBegun, { everyMs: 300, what: 'the watch to begin' });
        const began = performance.now();
        await t[harm](spec.replicaId);
        const at = await until(() => told.find((time) => time > began), { what: 'word of it' });
        expect(at - began).toBeLessThan(t.tellsWithinMs ?? 5_000);
        stop.abort();
        await watching;
      });
    });

    describe('an engine that does not answer', () => {
      it('is `unreachable` for every question, in words that show no address', async () => {
        const spec = t.scripted('steady', aSpec());
        const questions = [
          t.driver.info(t.away, never),
          t.driver.list(t.away, {}, never),
          t.driver.find(t.away, spec.replicaId, never),
          t.driver.ensure(t.away, spec, { signal: never, onProgress: () => undefined }),
          t.driver.suspend(t.away, spec.replicaId, { graceSeconds: 0, signal: never }),
          t.driver.remove(t.away, spec.replicaId, { graceSeconds: 0, signal: never }),
          t.driver.logs(t.away, spec.replicaId, { tailLines: 1, maxBytes: 1_000 }, never),
          t.driver.follow(t.away, spec.replicaId, { since: null, tailLines: null, signal: never }),
          t.driver.sample(t.away, spec.replicaId, never),
          t.driver.watch(t.away, () => undefined, never),
        ];
        for (const error of await Promise.all(questions.map(failure))) {
          expect(error.failure).toBe('unreachable');
          expect(error.message).not.toMatch(/\d+\.\d+\.\d+\.\d+|\/\/|\.sock/);
        }
      });
    });
  });
}

const byPort = (a: { containerPort: number }, b: { containerPort: number }): number => a.containerPort - b.containerPort;
