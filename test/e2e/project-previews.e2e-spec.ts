import { aSpec, deploy } from '../support/deployments';
import { aProject } from '../support/projects';
import { startTestApp, type TestApp } from '../support/test-app';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0', MAX_DEPLOYMENTS_PER_USER: '0' } });
  await t.token('root', { admin: true });
});
afterAll(() => t?.close());

const codesOf = (body: { obstacles: { code: string }[] }): string[] => body.obstacles.map(({ code }) => code);

it('tells all that prevents a move, and where it would count; and changes nothing', async () => {
  const [from, to] = [await aProject(t, 'ada', { bob: 'maintainer' }), await aProject(t, 'bob')];
  const routed = { ports: [{ container_port: 80 }], routes: [{ port: 80 }] };
  const id = await deploy(t, 'ada', { name: 'shop', project: from.name, ...routed });
  await deploy(t, 'bob', { name: 'shop', project: to.name });
  await t.as('root').put(`/api/projects/${to.id}/quota`).send({ deployments: 1 }).expect(200);
  const path = `/api/deployment/${id}/move/preview`;
  const { body } = await t.as('bob').post(path).send({ project: to.name }).expect(200);
  expect(body).toMatchObject({ dry_run: true, possible: false, deployment_id: id, project_id: to.id, project: to.name });
  expect(body.user_id).toBe(await t.userId('bob'));
  expect(codesOf(body)).toEqual(['conflict', 'already_exists', 'quota_exceeded']);
  const free = await aProject(t, 'bob');
  await t.as('bob').patch(`/api/deployment/${id}`).send({ routes: [] }).expect(200);
  expect((await t.as('bob').post(path).send({ project: free.id }).expect(200)).body).toMatchObject({ possible: true, obstacles: [] });
  expect((await t.as('bob').post(path).send({ project: from.id }).expect(200)).body).toMatchObject({ possible: true });
  await t.as('ada').post(path).send({ project: free.name }).expect(404);
  expect((await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body.project_id).toBe(from.id);
});

it('tells what goes with a project', async () => {
  const { id, name } = await aProject(t, 'ada', { bob: 'deployer' });
  const volumes = ['left', 'mounted'].map((volume) => ({ name: volume, path: `/${volume}`, size_gb: 1 }));
  const deployment = await deploy(t, 'ada', { project: name, replicas: 1, volumes });
  await t
    .as('ada')
    .patch(`/api/deployment/${deployment}`)
    .send({ volumes: volumes.slice(1) })
    .expect(202);
  const look = () => t.as('ada').get(`/api/projects/${id}/deletion-preview`).expect(200);
  const { body } = await look();
  expect(body).toMatchObject({ possible: false, project_id: id, live_deployments: 1, kept_deployments: 0, members: 2 });
  expect(codesOf(body)).toEqual(['project_in_use']);
  await t.as('ada').delete(`/api/deployment/${deployment}?wait=60`).expect(200);
  expect((await look()).body).toMatchObject({ possible: true, obstacles: [], live_deployments: 0, kept_deployments: 1, volumes: ['left'] });
  await t.as('bob').get(`/api/projects/${id}/deletion-preview`).expect(403);
  const personal = await t
    .as('ada')
    .get(`/api/projects/${await t.userId('ada')}/deletion-preview`)
    .expect(200);
  expect(codesOf(personal.body)).toEqual(['conflict']);
  await t.as('ada').delete(`/api/projects/${id}`).expect(200);
  await t.as('ada').get(`/api/projects/${id}/deletion-preview`).expect(404);
});

it('tells in which project a deployment would be, and refuses what its quota does', async () => {
  const { id, name } = await aProject(t, 'ada');
  const preview = (over: Readonly<Record<string, unknown>>) => t.as('ada').post('/api/deployment/deploy/preview').send(aSpec(over));
  expect((await preview({ project: name }).expect(200)).body).toMatchObject({ project: name, project_id: id });
  expect((await preview({}).expect(200)).body).toMatchObject({ project: 'ada', project_id: await t.userId('ada') });
  await t.as('root').put(`/api/projects/${id}/quota`).send({ replicas: 0 }).expect(200);
  expect((await preview({ project: name }).expect(409)).body).toMatchObject({ code: 'quota_exceeded', holder: 'project', limit: 0 });
});
