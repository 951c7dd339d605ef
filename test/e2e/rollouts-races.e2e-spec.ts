import { change, QUICK } from '../support/changes';
import { deployed, expectInvariants, type StatusBody } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Race {
  readonly other: (id: string) => PromiseLike<{ status: number }>;
  /** What both answer, in the order change and other. */
  readonly answers: readonly (readonly number[])[];
  readonly live: readonly number[];
  readonly ends: object;
  readonly rollout: readonly string[];
}

/** What is asked for at the same time as a change is in the end as if one had come after the other. */
describe('a change of a running deployment', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  const post = (id: string, verb: string) => t.as('ada').post(`/api/deployment/${id}/${verb}`);
  type End = StatusBody & { readonly rollout: { readonly state: string; readonly finished_at: string | null } | null };
  const settled = (id: string): Promise<End> =>
    until(
      async () => {
        const { body } = await t.as('ada').get(`/api/deployment/status/${id}?include_deleted=true`).expect(200);
        return (body as End).work === null ? (body as End) : null;
      },
      { what: 'all to be settled' },
    );

  it.each<[string, Race]>([
    [
      'a scale',
      {
        other: (id) => t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 3 }),
        ...{ answers: [[202, 200]], live: [2, 2, 2], rollout: ['completed'] },
        ends: { status: 'running', revision: 2, target_replicas: 3, health: 'healthy' },
      },
    ],
    [
      'a stop',
      {
        other: (id) => post(id, 'stop'),
        ...{ answers: [[202, 202]], live: [], rollout: ['superseded', 'completed'] },
        ends: { status: 'stopped', revision: 2, target_replicas: 2 },
      },
    ],
    [
      'a restart',
      {
        other: (id) => post(id, 'restart'),
        ...{ answers: [[202, 202]], live: [2, 2], rollout: ['completed'] },
        ends: { status: 'running', revision: 2, target_replicas: 2, health: 'healthy' },
      },
    ],
    [
      'a delete',
      {
        other: (id) => t.as('ada').delete(`/api/deployment/${id}`),
        ...{ live: [], rollout: ['superseded'] },
        answers: [
          [202, 200],
          [404, 200],
        ],
        ends: { status: 'deleted', revision: 1 },
      },
    ],
  ])('races with %s, and both or the stronger one hold', async (_what, { other, answers, live, ends, rollout }) => {
    const id = await deployed(t, 'ada', { replicas: 2, rollout: QUICK });
    const [changed, raced] = await Promise.all([change(t, 'ada', id, { container_image: 'nginx:1.28' }), other(id)]);
    expect(answers).toContainEqual([changed.status, raced.status]);
    const end = await settled(id);
    expect(end).toMatchObject(ends);
    expect(end.replicas.filter(({ status }) => status !== 'stopped').map(({ revision }) => revision)).toEqual(live);
    if (changed.status === 404) expect(end.rollout).toBeNull();
    else expect(rollout).toContain(end.rollout?.state);
    expect(end.rollout?.finished_at).not.toBeNull();
  });
});
