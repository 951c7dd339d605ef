import { setTimeout as sleep } from 'node:timers/promises';
import { deploy, deployed, expectGone, expectInvariants, historyOf, reaches, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_unused, index) => make(index));

describe('races with a delete', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { SIMULATED_DELAY_MS: '40' } });
    await t.token('ada', {});
  });
  afterAll(() => t?.close());

  const remove = (id: string, query = '') => t.as('ada').delete(`/api/deployment/${id}${query}`);
  const scale = (id: string, replicas: number) => t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas });
  const deletions = async (id: string): Promise<number> =>
    (await historyOf(t, 'ada', id)).filter((row) => row.new_status === 'deleted').length;
  const reserved = async (): Promise<unknown> =>
    (
      await t.dataSource.query<unknown[]>(
        `SELECT sum(reserved_cpu_cores)::float8 AS cpu, sum(reserved_memory_mb)::int AS memory FROM nodes`,
      )
    )[0];
  /** Checks that nothing of them runs, no capacity is lost, and nothing starts a moment later. */
  const expectPeace = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) await expectGone(t.dataSource, id);
    await sleep(150);
    for (const id of ids) await expectGone(t.dataSource, id, { timeoutMs: 1 });
    expect(await reserved()).toEqual({ cpu: 0, memory: 0 });
    await expectInvariants(t.dataSource);
  };

  it('lets exactly one of ten concurrent deletes win, with one history row, twenty times', async () => {
    const ids = await Promise.all(times(20, () => deployed(t, 'ada', { replicas: 2 })));
    for (const id of ids) {
      const answers = await Promise.all(times(10, () => remove(id)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...times(9, () => 409)]);
      expect(answers.find(({ status }) => status === 200)!.body).toMatchObject({ replicas_stopped: 2, resources_released: true });
      for (const { body } of answers.filter(({ status }) => status === 409)) expect(body.detail).toBe('Deployment already deleted');
      expect(await deletions(id)).toBe(1);
    }
    await expectPeace(ids);
  });

  it('leaves nothing alive when it meets a scale-up', async () => {
    const ids = await Promise.all(times(20, () => deployed(t, 'ada')));
    await Promise.all(
      ids.map(async (id, n) => {
        const [scaled, deleted] = await Promise.all([sleep(n % 4).then(() => scale(id, 4)), sleep((n + 2) % 4).then(() => remove(id))]);
        expect([200, 400]).toContain(scaled.status);
        if (scaled.status === 400) expect(scaled.body.detail).toBe('Cannot scale deployment in deleted state');
        expect(deleted.status).toBe(200);
        expect(await deletions(id)).toBe(1);
        expect(await statusOf(t, 'ada', id)).toMatchObject({ status: 'deleted' });
      }),
    );
    await expectPeace(ids);
  });

  it('beats a placement and a start that are running, at whatever moment it comes', async () => {
    const ids = await Promise.all(
      times(40, async (n) => {
        const id = await deploy(t, 'ada', { replicas: 3 });
        await sleep(n * 4);
        const { status } = await remove(id, n % 3 === 0 ? '?wait=0' : '');
        expect([200, 202]).toContain(status);
        return id;
      }),
    );
    await expectPeace(ids);
    for (const id of ids) {
      const changes = await historyOf(t, 'ada', id);
      expect(changes.at(-1)).toMatchObject({ new_status: 'deleted' });
      for (const [index, change] of changes.entries())
        expect(change.old_status).toBe(index === 0 ? 'none' : changes[index - 1]!.new_status);
    }
  });

  it('beats stop, start and retry', async () => {
    const stopped = await Promise.all(times(8, () => deployed(t, 'ada')));
    await Promise.all(stopped.map((id) => t.as('ada').post(`/api/deployment/${id}/stop`).expect(202)));
    const running = await Promise.all(times(8, () => deployed(t, 'ada')));
    const failed = await Promise.all(times(4, () => deploy(t, 'ada', { container_image: 'simulated/rejected:1' })));
    await Promise.all(failed.map((id) => reaches(t, 'ada', id, 'failed')));
    const race = async (id: string, verb: string): Promise<void> => {
      const [asked, deleted] = await Promise.all([t.as('ada').post(`/api/deployment/${id}/${verb}`), remove(id)]);
      expect([202, 404]).toContain(asked.status);
      expect(deleted.status).toBe(200);
      expect(await deletions(id)).toBe(1);
    };
    await Promise.all([
      ...stopped.map((id) => race(id, 'start')),
      ...running.map((id) => race(id, 'stop')),
      ...failed.map((id) => race(id, 'retry')),
    ]);
    await expectPeace([...stopped, ...running, ...failed]);
  });
});
