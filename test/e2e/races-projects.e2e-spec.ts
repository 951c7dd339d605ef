import { aSpec, deploy, expectInvariants } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';

/** More of them before a release: `RACE_ROUNDS=2000 npx jest test/e2e/races-projects`. */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? '30');
const LONG = 60_000 + ROUNDS * 500;

describe('a deployment whose owner changes', () => {
  let t: TestApp;
  let from: { id: string };
  let to: { id: string };
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', RATE_LIMIT_PER_MINUTE: '0' } });
    from = await aProject(t, 'mover', { ada: 'deployer' });
    to = await aProject(t, 'mover');
  });
  afterAll(() => t?.close());

  const projectOf = async (id: string): Promise<{ project: string; status: string } | undefined> =>
    (
      await t.dataSource.query<{ project: string; status: string }[]>(
        `SELECT project_id AS project, status FROM deployments WHERE id = $1`,
        [id],
      )
    )[0];

  it(
    'is deleted by who had it before, or gone for that user, never both',
    async () => {
      const seen = { deleted: 0, moved: 0 };
      for (let round = 0; round < ROUNDS; round += 1) {
        const id = await deploy(t, 'ada', { project: from.id });
        const remove = () => t.as('ada').delete(`/api/deployment/${id}?wait=0`);
        const move = () => t.as('mover').post(`/api/deployment/${id}/move`).send({ project: to.id });
        const first = round % 2 === 0 ? move() : null;
        const [removed, moved] = await Promise.all([remove(), first ?? move()]);
        if (moved.status === 200) {
          seen.moved += 1;
          expect([removed.status, removed.body.detail]).toEqual([404, 'Deployment not found or access denied']);
          expect(await projectOf(id)).toMatchObject({ project: to.id });
          expect((await projectOf(id))?.status).not.toBe('deleted');
        } else {
          seen.deleted += 1;
          expect([moved.status, [200, 202].includes(removed.status)]).toEqual([404, true]);
          expect(await projectOf(id)).toEqual({ project: from.id, status: 'deleted' });
        }
      }
      process.stdout.write(`owner changes: ${String(seen.deleted)} deleted first, ${String(seen.moved)} moved first\n`);
      await expectInvariants(t.dataSource);
    },
    LONG,
  );

  it(
    'moves once, and has one project, when two move it at once',
    async () => {
      const other = await aProject(t, 'mover');
      for (let round = 0; round < ROUNDS / 3; round += 1) {
        const id = await deploy(t, 'mover', { project: from.id });
        const move = (project: string) => t.as('mover').post(`/api/deployment/${id}/move`).set('If-Match', '"1"').send({ project });
        const answers = await Promise.all([move(to.id), move(other.id)]);
        // The reconciler may have changed it before both.
        expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
        expect(answers.every(({ status }) => status === 200 || status === 412)).toBe(true);
      }
    },
    LONG,
  );

  it(
    'is not deployed by a member after the answer that the membership is gone',
    async () => {
      for (let round = 0; round < ROUNDS / 3; round += 1) {
        // Nobody may have more than a hundred projects.
        const maintainer = `maintainer-${String(Math.floor(round / 50))}`;
        const team = await aProject(t, maintainer, { bob: 'deployer' });
        const deploying = Promise.all(
          Array.from({ length: 4 }, () =>
            t
              .as('bob')
              .post('/api/deployment/deploy')
              .send(aSpec({ project: team.id })),
          ),
        );
        await t.as(maintainer).delete(`/api/projects/${team.id}/members/bob`).expect(204);
        const count = async (): Promise<number> =>
          (await t.dataSource.query<[{ n: number }]>(`SELECT count(*)::int AS n FROM deployments WHERE project_id = $1`, [team.id]))[0].n;
        const then = await count();
        const answers = await deploying;
        expect(answers.every(({ status }) => [202, 404, 503].includes(status))).toBe(true);
        expect([await count(), answers.filter(({ status }) => status === 202).length]).toEqual([then, then]);
      }
    },
    LONG,
  );
});
