import { deploy, freshName } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';

type Get = (path: string) => Promise<{ status: number; body: unknown }>;
const idsOf = (body: unknown): string[] => (body as { id: string }[]).map(({ id }) => id).sort();
const LISTS_OF_A_PROJECT = ['members', 'groups', 'secrets', 'registries', 'volumes'];
const LISTS_OF_A_DEPLOYMENT = ['history', 'revisions'];

/** A list asks for roles from another side than a single view, so that it reads no more than it shows. Both have to say the same. */
describe('a list', () => {
  let t: TestApp;
  let projects: string[];
  let deployments: string[];
  const callers: Record<string, Get> = {};
  beforeAll(async () => {
    t = await startTestApp();
    const team = await aProject(t, 'ada', { bob: 'deployer', eve: 'viewer', dan: 'maintainer', cyd: 'viewer' });
    const other = await aProject(t, 'bob', { ada: 'viewer' });
    projects = [team.id, other.id, await t.userId('ada'), await t.userId('bob'), await t.userId('eve')];
    deployments = await Promise.all([
      ...[deploy(t, 'ada', { project: team.id }), deploy(t, 'bob', { project: team.id }), deploy(t, 'dan', { project: team.id })],
      ...[deploy(t, 'bob', { project: other.id }), deploy(t, 'ada'), deploy(t, 'bob'), deploy(t, 'eve')],
    ]);
    await t.as('ada').delete(`/api/projects/${team.id}/members/dan`).expect(204);
    for (const user of ['ada', 'bob', 'eve', 'dan', 'stranger']) callers[user] = (path) => t.as(user).get(path);
    const bound = async (user: string, project: string, role: string): Promise<void> => {
      const { body } = await t.as(user).post('/api/auth/tokens').send({ name: freshName(), project, role }).expect(201);
      const header = { Authorization: `Bearer ${(body as { token: string }).token}` };
      callers[`${user} as ${role} of ${project === team.id ? 'the team' : 'another project'}`] = (path) => t.http.get(path).set(header);
    };
    for (const role of ['viewer', 'deployer', 'maintainer']) await bound('bob', team.id, role);
    await bound('ada', other.id, 'maintainer');
    await bound('eve', await t.userId('eve'), 'viewer');
    // With the role of its user this token has nothing any more.
    await bound('cyd', team.id, 'viewer');
    await t.as('ada').delete(`/api/projects/${team.id}/members/cyd`).expect(204);
  });
  afterAll(() => t?.close());

  const seenOneByOne = async (get: Get, prefix: string, ids: readonly string[]): Promise<string[]> => {
    const answers = await Promise.all(ids.map(async (id) => ({ id, status: (await get(`${prefix}/${id}`)).status })));
    expect(answers.filter(({ status }) => status !== 200 && status !== 404)).toEqual([]);
    return answers.flatMap(({ id, status }) => (status === 200 ? [id] : [])).sort();
  };

  it('of deployments has those that the caller may see one by one, in all projects and in each', async () => {
    for (const [who, get] of Object.entries(callers)) {
      const seen = await seenOneByOne(get, '/api/deployment', deployments);
      expect([who, idsOf((await get('/api/deployment/list?limit=100')).body)]).toEqual([who, seen]);
      const narrowed = await Promise.all(
        projects.map(async (project) => idsOf((await get(`/api/deployment/list?limit=100&project=${project}`)).body)),
      );
      expect([who, narrowed.flat().sort()]).toEqual([who, seen]);
    }
    expect(await seenOneByOne(callers.bob!, '/api/deployment', deployments)).toHaveLength(5);
  });

  it('of projects has those that the caller may see one by one', async () => {
    for (const [who, get] of Object.entries(callers)) {
      const own = idsOf((await get('/api/projects?limit=100')).body).filter((id) => projects.includes(id));
      expect([who, own]).toEqual([who, await seenOneByOne(get, '/api/projects', projects)]);
    }
  });

  it.each(LISTS_OF_A_PROJECT)('of what is in a project (%s) is for those who see the project', async (list) => {
    for (const [who, get] of Object.entries(callers))
      for (const project of projects) {
        const { status, body } = await get(`/api/projects/${project}/${list}`);
        if (status === 403) expect(body).toMatchObject({ code: 'bound_token' });
        else expect([who, status]).toEqual([who, (await get(`/api/projects/${project}`)).status]);
      }
  });

  it.each(LISTS_OF_A_DEPLOYMENT)('of what is in a deployment (%s) is for those who see the deployment', async (list) => {
    for (const [who, get] of Object.entries(callers))
      for (const id of deployments)
        expect([who, (await get(`/api/deployment/${id}/${list}`)).status]).toEqual([who, (await get(`/api/deployment/${id}`)).status]);
  });
});
