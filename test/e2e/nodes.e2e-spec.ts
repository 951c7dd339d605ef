import { ENGINE_TRAITS } from '../../src/engines/runtime-kinds';
import { NodesRepository } from '../../src/nodes/nodes.repository';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SIZE = { cpu_cores: 8.5, memory_mb: 16_384, storage_gb: 200 };

describe('/api/nodes', () => {
  let t: TestApp;
  let counter = 0;
  beforeAll(async () => {
    // Without a worker, which would notice the nodes and change the replicas that these tests insert.
    t = await startTestApp({ env: { ROLE: 'api' } });
  });
  afterAll(() => t?.close());

  const admin = () => t.as('root', { admin: true });
  const freshName = (): string => `edge-${(counter += 1)}`;
  const simulated = (over: Record<string, unknown> = {}) => ({
    name: freshName(),
    region: 'eu-west',
    runtime: 'simulated',
    ...SIZE,
    ...over,
  });
  const register = async (over: Record<string, unknown> = {}): Promise<string> =>
    ((await admin().post('/api/nodes').send(simulated(over)).expect(201)).body as { id: string }).id;
  const jobsFor = (id: string): Promise<unknown[]> => t.dataSource.query(`SELECT 1 FROM jobs WHERE kind = 'node.sync' AND key = $1`, [id]);
  const load = async (nodeId: string, amount: Parameters<typeof aPlacedReplica>[2] = {}): Promise<string> => {
    const deployment_id = await aDeployment(t.dataSource, { user_id: await t.userId('ada') });
    return aPlacedReplica(t.dataSource, { deployment_id, node_id: nodeId }, amount);
  };

  describe('POST', () => {
    it('registers a simulated node, offline until it was heard of, and tells the worker', async () => {
      const body = simulated({ node_type: 'gateway', gpu_units: 1, labels: { rack: 'r1', 'example.org/zone': '' } });
      const answer = await admin().post('/api/nodes').send(body).expect(201);
      const { id } = answer.body as { id: string };
      expect(answer.headers.location).toBe(`/api/nodes/${id}`);
      expect(answer.body).toEqual({
        ...body,
        id,
        status: 'offline',
        cordoned: false,
        draining: false,
        reserved: { cpu_cores: 0, memory_mb: 0, gpu_units: 0, storage_gb: 0 },
        free: { ...SIZE, gpu_units: 1 },
        cpu_usage_percent: 0,
        memory_usage_percent: 0,
        registered_at: expect.stringMatching(ISO) as string,
        last_heartbeat: null,
        endpoint: null,
        last_error: null,
      });
      expect((await admin().get(`/api/nodes/${id}`).expect(200)).body).toEqual(answer.body);
      expect(await jobsFor(id)).toHaveLength(1);
    });

    it('registers a Docker node by its endpoint; its engine tells the capacity', async () => {
      const body = { name: freshName(), region: 'us-east', runtime: 'docker', endpoint: 'tcp://10.0.0.5:2376' };
      const answer = await admin().post('/api/nodes').send(body).expect(201);
      expect(answer.body).toMatchObject({
        ...body,
        node_type: 'compute_node',
        cpu_cores: 0,
        memory_mb: 0,
        storage_gb: 0,
        status: 'offline',
      });
    });

    it('refuses a name that is in use, and takes that of a removed node', async () => {
      const name = freshName();
      const id = await register({ name });
      const { body } = await admin().post('/api/nodes').send(simulated({ name })).expect(409);
      expect(body).toMatchObject({ code: 'already_exists', detail: `A node named ${name} exists already` });
      await admin().delete(`/api/nodes/${id}`).expect(200);
      await register({ name });
    });

    it('lets one of several with the same name win', async () => {
      const body = simulated();
      const answers = await Promise.all([1, 2, 3, 4].map(() => admin().post('/api/nodes').send(body)));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    });

    it('gives the same answer to the same Idempotency-Key, and makes one node', async () => {
      const body = simulated();
      const send = () => admin().post('/api/nodes').set('Idempotency-Key', `key-${body.name}`).send(body).expect(201);
      const [first, second] = [await send(), await send()];
      expect(second.body).toEqual(first.body);
      expect(second.headers.location).toBe(first.headers.location);
    });

    it.each<[string, Record<string, unknown>, string]>([
      ['no name', { name: undefined }, '/name'],
      ['an empty name', { name: '' }, '/name'],
      ['a name with a slash', { name: 'a/b' }, '/name'],
      ['a name with a line break', { name: 'edge\n' }, '/name'],
      ['a long name', { name: 'a'.repeat(101) }, '/name'],
      ['a name that is null', { name: null }, '/name'],
      ['no region', { region: undefined }, '/region'],
      ['a region with NUL', { region: 'us\0east' }, '/region'],
      ['an unknown type', { node_type: 'toaster' }, '/node_type'],
      ['a type that is null', { node_type: null }, '/node_type'],
      ['no runtime', { runtime: undefined }, '/runtime'],
      ['an unknown runtime', { runtime: 'kubernetes' }, '/runtime'],
      ['a simulated node without cores', { cpu_cores: undefined }, '/cpu_cores'],
      ['a simulated node without memory', { memory_mb: undefined }, '/memory_mb'],
      ['a simulated node without storage', { storage_gb: undefined }, '/storage_gb'],
      ['a simulated node with an endpoint', { endpoint: 'unix:///var/run/docker.sock' }, '/endpoint'],
      ['a Docker node without endpoint', { runtime: 'docker' }, '/endpoint'],
      ['an endpoint over HTTP', { runtime: 'docker', endpoint: 'http://10.0.0.5:2375' }, '/endpoint'],
      ['an endpoint with a password', { runtime: 'docker', endpoint: 'tcp://a:b@10.0.0.5:2375' }, '/endpoint'],
      ['no cores', { cpu_cores: 0 }, '/cpu_cores'],
      ['too fine cores', { cpu_cores: 1.0001 }, '/cpu_cores'],
      ['cores as text', { cpu_cores: '4' }, '/cpu_cores'],
      ['negative memory', { memory_mb: -1 }, '/memory_mb'],
      ['memory beyond all bounds', { memory_mb: 2_147_483_648 }, '/memory_mb'],
      ['half a GPU', { gpu_units: 0.5 }, '/gpu_units'],
      ['storage that is null', { storage_gb: null }, '/storage_gb'],
      ['labels that are a list', { labels: ['a'] }, '/labels'],
      ['a label that is a number', { labels: { a: 1 } }, '/labels'],
      ['a field of ours', { reserved_cpu_cores: 1 }, '/reserved_cpu_cores'],
      ['a status', { status: 'idle' }, '/status'],
      ['an engine id', { engine_id: 'x' }, '/engine_id'],
    ])('refuses %s', async (_what, over, pointer) => {
      const { body } = await admin().post('/api/nodes').send(simulated(over)).expect(422);
      expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
    });
  });

  describe('GET', () => {
    it('gives everybody the node, and only administrators its address and its last error', async () => {
      const { body } = await admin()
        .post('/api/nodes')
        .send({ name: freshName(), region: 'us-east', runtime: 'docker', endpoint: 'tcp://10.9.9.9:2376' })
        .expect(201);
      const { id } = body as { id: string };
      await t.app.get(NodesRepository).heartbeatFailed(id, 'The engine does not answer');

      expect((await admin().get(`/api/nodes/${id}`)).body).toMatchObject({
        endpoint: 'tcp://10.9.9.9:2376',
        last_error: 'The engine does not answer',
      });
      const seen = await t.as('ada').get(`/api/nodes/${id}`).expect(200);
      expect(seen.body).not.toHaveProperty('endpoint');
      expect(seen.body).not.toHaveProperty('last_error');
      expect(JSON.stringify((await t.as('ada').get('/api/nodes?limit=100')).body)).not.toContain('10.9.9.9');
    });

    it('shows what is reserved and what is free, to the thousandth of a core', async () => {
      const id = await aNode(t.dataSource);
      await load(id, { cpuCores: 1.005, memoryMb: 512, gpuUnits: 1, storageGb: 10 });
      const { body } = await t.as('ada').get(`/api/nodes/${id}`).expect(200);
      expect(body).toMatchObject({
        status: 'active',
        reserved: { cpu_cores: 1.005, memory_mb: 512, gpu_units: 1, storage_gb: 10 },
        free: { cpu_cores: 14.995, memory_mb: 32_256, gpu_units: 1, storage_gb: 490 },
      });
    });

    it('lists by name, in pages, with the total and the neighbours', async () => {
      const names = ['page-a', 'page-b', 'page-c'];
      for (const name of names) await aNode(t.dataSource, { name });
      const all = (await t.as('ada').get('/api/nodes?limit=100').expect(200)).body as { name: string }[];
      const at = all.findIndex(({ name }) => name === 'page-a');
      expect(all.slice(at, at + 3).map(({ name }) => name)).toEqual(names);

      const page = await t
        .as('ada')
        .get(`/api/nodes?limit=1&offset=${at + 1}`)
        .expect(200);
      expect((page.body as { name: string }[]).map(({ name }) => name)).toEqual(['page-b']);
      expect(page.headers['x-total-count']).toBe(String(all.length));
      expect(page.headers.link).toContain(`</api/nodes?limit=1&offset=${at + 2}>; rel="next"`);
      expect(page.headers.link).toContain(`</api/nodes?limit=1&offset=${at}>; rel="prev"`);
      const beyond = await t.as('ada').get('/api/nodes?offset=1000000').expect(200);
      expect(beyond.body).toEqual([]);
      expect(beyond.headers['x-total-count']).toBe(String(all.length));
    });

    it.each(['limit=0', 'limit=101', 'limit=ten', 'limit=', 'offset=-1', 'offset=1.5', 'limit=1&limit=2', 'colour=red'])(
      'refuses ?%s',
      async (query) => {
        const { body } = await t.as('ada').get(`/api/nodes?${query}`).expect(400);
        expect(body).toMatchObject({ code: 'invalid_request' });
      },
    );
  });

  describe('PATCH', () => {
    const patch = (id: string, body: Record<string, unknown>) => admin().patch(`/api/nodes/${id}`).send(body);

    it('changes what was sent and nothing else, and tells the worker', async () => {
      const id = await register({ labels: { a: '1' } });
      const before = (await admin().get(`/api/nodes/${id}`)).body as object;
      await t.dataSource.query(`DELETE FROM jobs`);
      const change = { region: 'us-west', node_type: 'relay_node', labels: { b: '2' }, cpu_cores: 4 };
      const { body } = await patch(id, change).expect(200);
      expect(body).toEqual({ ...before, ...change, free: { ...SIZE, gpu_units: 0, cpu_cores: 4 } });
      expect(await jobsFor(id)).toHaveLength(1);
      expect((await patch(id, {}).expect(200)).body).toEqual(body);
    });

    it('draining cordons, ending it leaves the cordon, lifting the cordon ends both', async () => {
      const id = await register();
      expect((await patch(id, { draining: true }).expect(200)).body).toMatchObject({ cordoned: true, draining: true });
      expect((await patch(id, { draining: false }).expect(200)).body).toMatchObject({ cordoned: true, draining: false });
      await patch(id, { draining: true }).expect(200);
      expect((await patch(id, { cordoned: false }).expect(200)).body).toMatchObject({ cordoned: false, draining: false });
      const { body } = await patch(id, { cordoned: false, draining: true }).expect(422);
      expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/cordoned' }] });
    });

    it('keeps the capacity above what is reserved', async () => {
      const id = await aNode(t.dataSource);
      await load(id, { cpuCores: 2, memoryMb: 2048, gpuUnits: 1, storageGb: 20 });
      for (const change of [{ cpu_cores: 1.999 }, { memory_mb: 2047 }, { gpu_units: 0 }, { storage_gb: 19 }]) {
        expect((await patch(id, change).expect(409)).body).toMatchObject({ code: 'capacity_in_use' });
      }
      const { body } = await patch(id, { cpu_cores: 2, memory_mb: 2048, gpu_units: 1, storage_gb: 20 }).expect(200);
      expect((body as { free: object }).free).toEqual({ cpu_cores: 0, memory_mb: 0, gpu_units: 0, storage_gb: 0 });
    });

    it('does not lose one of two changes at once', async () => {
      const id = await register();
      const round = [{ region: 'us-west' }, { draining: true }, { labels: { c: '3' } }, { memory_mb: 1024 }, { node_type: 'mixnode' }];
      const answers = await Promise.all(round.map((change) => patch(id, change)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
      expect((await admin().get(`/api/nodes/${id}`)).body).toMatchObject({
        ...{ region: 'us-west', cordoned: true, draining: true },
        ...{ labels: { c: '3' }, memory_mb: 1024, node_type: 'mixnode' },
      });
    });

    it('keeps a capacity that was set here when the engine says another', async () => {
      const { body } = await admin()
        .post('/api/nodes')
        .send({ name: freshName(), region: 'us-east', runtime: 'docker', endpoint: 'tcp://10.0.0.6:2376' })
        .expect(201);
      const { id } = body as { id: string };
      await patch(id, { memory_mb: 1000 }).expect(200);
      const said = { cpuCores: 4, memoryMb: 8000, gpuUnits: 0, storageGb: 50, cpuUsagePercent: 10, memoryUsagePercent: 20 };
      await t.app.get(NodesRepository).heartbeat(id, { engineId: id, version: '27.1', ...said }, ENGINE_TRAITS.docker);
      expect((await admin().get(`/api/nodes/${id}`)).body).toMatchObject({ status: 'idle', cpu_cores: 4, memory_mb: 1000, storage_gb: 50 });
    });

    it.each<[string, Record<string, unknown>, string]>([
      ['a cordon that is text', { cordoned: 'true' }, '/cordoned'],
      ['a cordon that is null', { cordoned: null }, '/cordoned'],
      ['draining as a number', { draining: 1 }, '/draining'],
      ['labels that are null', { labels: null }, '/labels'],
      ['a new name', { name: 'other' }, '/name'],
      ['another endpoint', { endpoint: 'tcp://10.0.0.5:2376' }, '/endpoint'],
      ['another runtime', { runtime: 'docker' }, '/runtime'],
      ['no cores', { cpu_cores: 0 }, '/cpu_cores'],
    ])('refuses %s', async (_what, change, pointer) => {
      const { body } = await patch(await register(), change).expect(422);
      expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
    });
  });

  describe('DELETE', () => {
    it('removes a node that is free, for good', async () => {
      const name = freshName();
      const id = await register({ name });
      const { body } = await admin().delete(`/api/nodes/${id}`).expect(200);
      expect(body).toEqual({ success: true, node_id: id, message: `Node ${name} removed` });
      await admin().get(`/api/nodes/${id}`).expect(404);
      await admin().patch(`/api/nodes/${id}`).send({ cordoned: true }).expect(404);
      await admin().delete(`/api/nodes/${id}`).expect(404);
      const all = (await admin().get('/api/nodes?limit=100')).body as { id: string }[];
      expect(all.map((node) => node.id)).not.toContain(id);
    });

    it('refuses while a replica holds a place, and keeps the row of those that did for their history', async () => {
      const id = await aNode(t.dataSource);
      const replica = await load(id);
      const { body } = await admin().delete(`/api/nodes/${id}`).expect(409);
      expect(body).toMatchObject({ code: 'node_in_use', open_reservations: 1 });
      await t.dataSource.query(`UPDATE deployment_replicas SET status = 'stopped', stopped_at = now() WHERE id = $1`, [replica]);
      await t.dataSource.query(`UPDATE reservations SET released_at = now() WHERE replica_id = $1`, [replica]);
      await admin().delete(`/api/nodes/${id}`).expect(200);
      expect(await t.dataSource.query(`SELECT node_id FROM deployment_replicas WHERE id = $1`, [replica])).toEqual([{ node_id: id }]);
    });

    it('lets one of several removals win', async () => {
      const id = await register();
      const answers = await Promise.all([1, 2, 3].map(() => admin().delete(`/api/nodes/${id}`)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
    });

    it('never leaves a reservation on a removed node when both happen at once', async () => {
      for (let round = 0; round < 10; round++) {
        const id = await aNode(t.dataSource);
        const [placed, removed] = await Promise.allSettled([load(id), admin().delete(`/api/nodes/${id}`)]);
        const status = removed.status === 'fulfilled' ? removed.value.status : 0;
        expect([placed.status, status]).toEqual(status === 200 ? ['rejected', 200] : ['fulfilled', 409]);
      }
    });
  });

  it.each([
    ['GET', UNKNOWN],
    ['PATCH', UNKNOWN],
    ['DELETE', UNKNOWN],
    ['GET', 'seven'],
    ['PATCH', 'seven'],
    ['DELETE', '00000000000040008000000000000000'],
  ])('%s answers 404 for %s', async (method, id) => {
    const verb = method.toLowerCase() as 'get' | 'patch' | 'delete';
    const request = admin()[verb](`/api/nodes/${id}`);
    const { body } = await (method === 'PATCH' ? request.send({ cordoned: true }) : request).expect(404);
    expect(body).toMatchObject({ code: 'not_found', detail: `Node ${id} not found` });
  });

  it('is closed to strangers, and its changes to ordinary users', async () => {
    const id = await register();
    const attempts = [
      ['post', '/api/nodes'],
      ['patch', `/api/nodes/${id}`],
      ['delete', `/api/nodes/${id}`],
    ] as const;
    for (const [verb, path] of attempts) {
      await t.http[verb](path)
        .send(verb === 'delete' ? undefined : {})
        .expect(401)
        .expect('WWW-Authenticate', 'Bearer');
      const agent = t.as('ada');
      const { body } = await agent[verb](path)
        .send(verb === 'delete' ? undefined : {})
        .expect(403);
      expect(body).toMatchObject({ code: 'admin_required' });
    }
    for (const path of ['/api/nodes', `/api/nodes/${id}`]) await t.http.get(path).expect(401);
    const readOnly = t.as('watcher', { admin: true, readOnly: true });
    expect((await readOnly.patch(`/api/nodes/${id}`).send({ cordoned: true }).expect(403)).body).toMatchObject({ code: 'read_only_token' });
    await readOnly.get(`/api/nodes/${id}`).expect(200);
    expect((await admin().get(`/api/nodes/${id}`).expect(200)).body).toMatchObject({ cordoned: false });
  });
});
