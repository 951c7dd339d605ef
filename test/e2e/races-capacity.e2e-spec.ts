import { aSpec, deploy, deployed, expectGone, expectInvariants, historyOf, statusOf } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_unused, index) => make(index));

describe('races for names, capacity and states', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
    await t.token('ada', {});
  });
  afterAll(() => t?.close());

  const open: string[] = [];
  afterEach(async () => {
    await expectInvariants(t.dataSource);
    await Promise.all(open.splice(0).map((id) => t.as('ada').delete(`/api/deployment/${id}`)));
    const [row] = await t.dataSource.query<unknown[]>(
      `SELECT sum(reserved_cpu_cores)::float8 AS cpu, sum(reserved_storage_gb)::int AS storage FROM nodes`,
    );
    expect(row).toEqual({ cpu: 0, storage: 0 });
  });

  const post = (path: string, body?: object) => t.as('ada').post(`/api/deployment/${path}`).send(body);
  const settled = (id: string): Promise<string> =>
    until(async () => {
      const { status, health } = await statusOf(t, 'ada', id);
      return status === 'failed' || (status === 'running' && health === 'healthy') ? status : '';
    });

  it('gives a name to one of ten deployments that want it at once', async () => {
    for (const name of times(5, (n) => `wanted-${String(n)}`)) {
      const answers = await Promise.all(times(10, () => post('deploy', aSpec({ name }))));
      expect(answers.map(({ status }) => status).sort()).toEqual([202, ...times(9, () => 409)]);
      for (const { body } of answers.filter(({ status }) => status === 409)) expect(body.code).toBe('already_exists');
      open.push(answers.find(({ status }) => status === 202)!.body.deployment_id);
    }
  });

  it('never overcommits a node: of twenty concurrent deployments, as many run as fit and the others fail cleanly', async () => {
    // Three nodes of 16 cores: six replicas of 8 cores, so six of the twenty.
    const ids = await Promise.all(times(20, () => deploy(t, 'ada', { resources: { cpu: 8, memory: 512, storage: 1 } })));
    open.push(...ids);
    const statuses = await Promise.all(ids.map(settled));
    expect(statuses.filter((status) => status === 'running')).toHaveLength(6);
    for (const [index, status] of statuses.entries()) {
      if (status !== 'failed') continue;
      const last = (await historyOf(t, 'ada', ids[index]!)).at(-1);
      expect(last!.reason).toBe(
        'Insufficient nodes: need 1, found 0 with capacity; cpu: 8 cores needed per replica, at most 0 cores free on a node',
      );
      await expectGone(t.dataSource, ids[index]!);
    }
    const nodes = await t.dataSource.query<{ cpu: number }[]>(`SELECT reserved_cpu_cores::float8 AS cpu FROM nodes`);
    expect(nodes.map(({ cpu }) => cpu)).toEqual([16, 16, 16]);
  });

  it('never overcommits a node by concurrent scale-ups: each gets all of its replicas or a 503', async () => {
    const size = { resources: { cpu: 4, memory: 512, storage: 1 } };
    const ids = await Promise.all(times(6, () => deployed(t, 'ada', size)));
    open.push(...ids);
    // There are twelve places and each of the six holds one. The six left are enough for two scale-ups by three.
    const answers = await Promise.all(ids.map((id) => post(`scale/${id}`, { replicas: 4 })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503, 503, 503, 503]);
    for (const [index, { status, body }] of answers.entries()) {
      const held = await t.dataSource.query<unknown[]>(`SELECT 1 FROM reservations WHERE deployment_id = $1 AND released_at IS NULL`, [
        ids[index],
      ]);
      expect(held).toHaveLength(status === 200 ? 4 : 1);
      if (status === 503) expect(body.detail).toMatch(/^Insufficient nodes for scale-up: need 3, found [0-2] with capacity$/);
      expect((await statusOf(t, 'ada', ids[index]!)).target_replicas).toBe(status === 200 ? 4 : 1);
    }
  });

  it('ends concurrent scale calls with one consistent wish', async () => {
    const id = await deployed(t, 'ada');
    open.push(id);
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all([5, 2, 7, 1, 3, 4].map((replicas) => post(`scale/${id}`, { replicas })));
      expect(answers.map(({ status }) => status)).toEqual(times(6, () => 200));
      const { target_replicas } = await statusOf(t, 'ada', id);
      const last = (await historyOf(t, 'ada', id)).at(-1)!.reason;
      expect(last).toMatch(new RegExp(` to ${String(target_replicas)} replicas `));
      await until(async () => {
        const { replicas, health } = await statusOf(t, 'ada', id);
        return (
          health === 'healthy' &&
          replicas.filter(({ status }) => ['pending', 'starting', 'running'].includes(status)).length === target_replicas
        );
      });
    }
    const steps = (await historyOf(t, 'ada', id)).flatMap(({ reason }) => /from (\d+) to (\d+)/.exec(reason)?.slice(1).map(Number) ?? []);
    for (let n = 2; n < steps.length; n += 2) expect(steps[n]).toBe(steps[n - 1]);
  });

  it('ends stop against start in one of the two states, with nothing half done', async () => {
    const ids = await Promise.all(times(6, () => deployed(t, 'ada', { replicas: 2 })));
    open.push(...ids);
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        ids.map(async (id) => {
          const answers = await Promise.all(['stop', 'start', 'stop', 'start'].map((verb) => post(`${id}/${verb}`)));
          for (const { status } of answers) expect([202, 409]).toContain(status);
          const { status } = await statusOf(t, 'ada', id);
          if (status === 'stopped') await expectGone(t.dataSource, id);
          else expect(await settled(id)).toBe('running');
        }),
      );
    }
    for (const id of ids) {
      const changes = await historyOf(t, 'ada', id);
      for (const [index, change] of changes.entries())
        expect(change.old_status).toBe(index === 0 ? 'none' : changes[index - 1]!.new_status);
    }
  });
});
