import { expectGone, deploy, reaches } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** Containers that end by themselves, under each `restart`. */
describe('the restart policy of a deployment', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const ending = (restart: string, exitCode: number, over = {}): Record<string, unknown> => ({
    ...{ restart, replicas: 2, env: { SIMULATED_EXIT_AFTER_MS: '300', SIMULATED_EXIT_CODE: String(exitCode), SIMULATED_LOG: 'bye' } },
    ...over,
  });
  const reasonOf = (body: { recent_status_changes: { reason: string }[] }): string | undefined => body.recent_status_changes[0]?.reason;

  it.each(['on_failure', 'never'])(
    '%s: a deployment of which all have ended well is stopped and healthy, and runs again',
    async (restart) => {
      const id = await deploy(t, 'ada', ending(restart, 0));
      for (const round of [1, 2]) {
        const body = await reaches(t, 'ada', id, 'stopped');
        expect(body).toMatchObject({ health: 'healthy', health_reasons: [] });
        expect(reasonOf(body)).toBe('All 2 replicas ended well');
        expect(body.replicas.slice(0, 2).map(({ reason }) => reason)).toEqual(
          Array(2).fill('Ended well, with exit code 0; last line: bye'),
        );
        await expectGone(t.dataSource, id);
        const logs = (await t.as('ada').get(`/api/deployment/${id}/logs`).expect(200)).body;
        expect(logs.map(({ lines, kept }: { lines: string[]; kept: boolean }) => [lines, kept])).toEqual(
          Array.from({ length: round * 2 }, () => [['bye'], true]),
        );
        if (round === 1) await t.as('ada').post(`/api/deployment/${id}/start`).expect(202);
      }
      expect((await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body.restart).toBe(restart);
      await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    },
  );

  it('never: says what ended badly, and tries nothing again', async () => {
    const id = await deploy(t, 'ada', ending('never', 3));
    const body = await reaches(t, 'ada', id, 'stopped');
    expect(body.health).toBe('unhealthy');
    expect(reasonOf(body)).toBe('All 2 replicas have ended, 2 of them badly');
    expect(body.health_reasons.join()).toContain('Exited with code 3');
    expect(body.replicas).toHaveLength(2);
  });

  it('on_failure: tries again what ended badly', async () => {
    const id = await deploy(t, 'ada', ending('on_failure', 3, { replicas: 1 }));
    const attempts = async (): Promise<number[]> =>
      (await t.as('ada').get(`/api/deployment/status/${id}`).expect(200)).body.replicas.map(({ attempt }: { attempt: number }) => attempt);
    await until(async () => (await attempts()).includes(1), { what: 'another attempt' });
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
  });

  it('is always where nothing else is said, and one of three words', async () => {
    const id = await deploy(t, 'ada');
    expect((await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body.restart).toBe('always');
    for (const restart of ['', 'on-failure', 'unless-stopped', true]) {
      const body = { name: 'x', type: 'compute', container_image: 'nginx', resources: { cpu: 0.5, memory: 512 }, restart };
      const { errors } = (await t.as('ada').post('/api/deployment/deploy').send(body).expect(422)).body;
      expect(errors).toMatchObject([{ pointer: '/restart' }]);
    }
  });
});
