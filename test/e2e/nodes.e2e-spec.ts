import type { EngineIsolation } from '../../src/engines/engine-isolation';
import { ENGINE_TRAITS } from '../../src/engines/runtime-kinds';
import { NodesRepository } from '../../src/nodes/nodes.repository';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SIZE = { cpu_cores: 8.5, memory_mb: 16_384, storage_gb: 200 };

const aKubeconfig = (user: object): string =>
  JSON.stringify({
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443' } }],
    users: [{ name: 'u', user }],
  });
const CLUSTER = {
  ...{ runtime: 'kubernetes', cpu_cores: undefined, memory_mb: undefined, storage_gb: undefined, gpu_units: undefined },
  kubeconfig: aKubeconfig({ token: 'a token' }),
};

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
        lost_after_seconds: null,
        cordoned: false,
        draining: false,
        reserved: { cpu_cores: 0, memory_mb: 0, gpu_units: 0, storage_gb: 0 },
        free: { ...SIZE, gpu_units: 1 },
        disk_free_gb: null,
        largest_machine: null,
        cpu_usage_percent: 0,
        memory_usage_percent: 0,
        registered_at: expect.stringMatching(ISO) as string,
        last_heartbeat: null,
        endpoint: null,
        address: null,
        last_error: null,
        oci_runtime: null,
        namespace: null,
        node_selector: null,
        ingress_class: null,
        gateway: null,
        isolation: null,
      });
      expect((await admin().get(`/api/nodes/${id}`).expect(200)).body).toEqual(answer.body);
      expect(await jobsFor(id)).toHaveLength(1);
    });

    it('registers a cluster by a kubeconfig, which is encrypted, replaced, and never shown', async () => {
      const body = { ...CLUSTER, name: freshName(), region: 'us-east', namespace: 'apps', node_selector: { 'example.org/pool': 'a' } };
      const answer = await admin().post('/api/nodes').send(body).expect(201);
      expect(answer.body).toMatchObject({ runtime: 'kubernetes', namespace: 'apps', node_selector: body.node_selector, status: 'offline' });
      const { id } = answer.body as { id: string };
      expect((await admin().get(`/api/nodes/${id}`).expect(200)).body).toEqual(answer.body);
      const sealed = async () =>
        (
          await t.dataSource.query<{ kubeconfig: Buffer | null; version: number }[]>(`SELECT * FROM node_clusters WHERE node_id = $1`, [id])
        )[0]!;
      const first = await sealed();
      expect(first.kubeconfig?.toString('latin1')).not.toContain('a token');
      const changed = await admin()
        .patch(`/api/nodes/${id}`)
        .send({ kubeconfig: aKubeconfig({ token: 'another' }) })
        .expect(200);
      expect((await sealed()).version).toBe(first.version + 1);
      expect((await sealed()).kubeconfig).not.toEqual(first.kubeconfig);
      await admin().patch(`/api/nodes/${id}`).send({ kubeconfig: 'in-cluster' }).expect(200);
      expect((await sealed()).kubeconfig).toBeNull();
      const bad = await admin()
        .patch(`/api/nodes/${id}`)
        .send({ kubeconfig: aKubeconfig({ 'client-key': '/etc/ssl/key' }) })
        .expect(422);
      const log = await t.dataSource.query<unknown[]>(`SELECT * FROM audit_log WHERE resource_id = $1`, [id]);
      expect(log.length).toBeGreaterThan(0);
      expect(JSON.stringify([answer.body, changed.body, bad.body, log])).not.toMatch(/a token|another|ssl.key/);
      await admin()
        .patch(`/api/nodes/${await register()}`)
        .send({ kubeconfig: 'in-cluster' })
        .expect(422);
    });

    it('leads routes of a cluster through an ingress class or a gateway, and through one of them only', async () => {
      const body = { ...CLUSTER, name: freshName(), region: 'us-east', ingress_class: 'nginx' };
      const answer = await admin().post('/api/nodes').send(body).expect(201);
      expect(answer.body).toMatchObject({ ingress_class: 'nginx', gateway: null });
      const { id } = answer.body as { id: string };
      const change = (to: object) => admin().patch(`/api/nodes/${id}`).send(to);
      await change({ gateway: 'infra/public' }).expect(422);
      const moved = await change({ ingress_class: null, gateway: 'infra/public' }).expect(200);
      expect(moved.body).toMatchObject({ ingress_class: null, gateway: 'infra/public' });
      await change({ gateway: 'no-namespace' }).expect(422);
      await change({ gateway: null }).expect(200);
      await admin()
        .post('/api/nodes')
        .send({ ...body, name: freshName(), gateway: 'infra/public' })
        .expect(422);
      await admin()
        .patch(`/api/nodes/${await register()}`)
        .send({ ingress_class: 'nginx' })
        .expect(422);

      // Of two at once one is refused, or the later one sees the other.
      const both = await Promise.all([change({ ingress_class: 'nginx' }), change({ gateway: 'infra/public' })]);
      expect(both.map(({ status }) => status).sort()).toEqual([200, 422]);
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
      ['an unknown runtime', { runtime: 'podman' }, '/runtime'],
      ['a simulated node without cores', { cpu_cores: undefined }, '/cpu_cores'],
      ['a simulated node without memory', { memory_mb: undefined }, '/memory_mb'],
      ['a simulated node without storage', { storage_gb: undefined }, '/storage_gb'],
      ['a simulated node with an endpoint', { endpoint: 'unix:///var/run/docker.sock' }, '/endpoint'],
      ['a Docker node without endpoint', { runtime: 'docker' }, '/endpoint'],
      ['an endpoint over HTTP', { runtime: 'docker', endpoint: 'http://10.0.0.5:2375' }, '/endpoint'],
      ['an endpoint with a password', { runtime: 'docker', endpoint: 'tcp://a:b@10.0.0.5:2375' }, '/endpoint'],
      ['a cluster without kubeconfig', { runtime: 'kubernetes' }, '/kubeconfig'],
      ['a kubeconfig that is none', { runtime: 'kubernetes', kubeconfig: 'hello' }, '/kubeconfig'],
      ['a kubeconfig that runs a program', { runtime: 'kubernetes', kubeconfig: aKubeconfig({ exec: { command: 'sh' } }) }, '/kubeconfig'],
      ['a kubeconfig that is a number', { runtime: 'kubernetes', kubeconfig: 1 }, '/kubeconfig'],
      ['a cluster with an endpoint', { ...CLUSTER, endpoint: 'tcp://10.0.0.5:2376' }, '/endpoint'],
      ['a cluster with an OCI runtime', { ...CLUSTER, oci_runtime: 'runsc' }, '/oci_runtime'],
      ['a namespace that is none', { ...CLUSTER, namespace: 'Not_One' }, '/namespace'],
      ['a selector that is a list', { ...CLUSTER, node_selector: ['a'] }, '/node_selector'],
      ['a simulated node with a namespace', { namespace: 'fog' }, '/namespace'],
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

    it('wakes the deployments on the node when its address changes, so that routes follow', async () => {
      const id = await register();
      await load(id);
      const woken = async (): Promise<number> =>
        (
          await t.dataSource.query<unknown[]>(
            `SELECT 1 FROM jobs AS j JOIN deployment_replicas AS r ON r.deployment_id::text = j.key
              WHERE j.kind = 'deployment.reconcile' AND r.node_id = $1`,
            [id],
          )
        ).length;
      await patch(id, { region: 'eu-north' }).expect(200);
      expect(await woken()).toBe(0);
      await patch(id, { address: '10.1.2.3' }).expect(200);
      expect(await woken()).toBe(1);
    });

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
      await t.app.get(NodesRepository).heartbeat(id, { engineId: id, version: '27.1', isolation: null, ...said }, ENGINE_TRAITS.docker);
      expect((await admin().get(`/api/nodes/${id}`)).body).toMatchObject({ status: 'idle', cpu_cores: 4, memory_mb: 1000, storage_gb: 50 });
    });

    it('has its containers run under an OCI runtime that its engine offers, and shows everybody what isolates them', async () => {
      const { body } = await admin()
        .post('/api/nodes')
        .send({ name: freshName(), region: 'us-east', runtime: 'docker', endpoint: 'tcp://10.0.0.7:2376', oci_runtime: 'kata' })
        .expect(201);
      const { id } = body as { id: string };
      expect(body).toMatchObject({ oci_runtime: 'kata', isolation: null });
      const isolation: EngineIsolation = {
        ...{ ociRuntimes: ['runc', 'runsc'], defaultOciRuntime: 'runc', userNamespaces: true, rootless: false },
        ...{ seccomp: 'default', appArmor: false, selinux: false, storageLimit: 'enforced' },
      };
      const said = { cpuCores: 4, memoryMb: 8000, gpuUnits: 0, storageGb: 50, cpuUsagePercent: 10, memoryUsagePercent: 20 };
      const heartbeat = (storageLimit: EngineIsolation['storageLimit']) =>
        t.app
          .get(NodesRepository)
          .heartbeat(id, { engineId: id, version: '27.1', isolation: { ...isolation, storageLimit }, ...said }, ENGINE_TRAITS.docker);
      await heartbeat('enforced');
      await heartbeat('unknown'); // another process, which has started no container yet
      expect((await patch(id, { oci_runtime: 'default' }).expect(200)).body).toMatchObject({ oci_runtime: 'runc' });
      expect((await patch(id, { oci_runtime: 'runsc' }).expect(200)).body).toMatchObject({ oci_runtime: 'runsc' });
      expect((await patch(id, { oci_runtime: 'kata' }).expect(422)).body).toMatchObject({
        errors: [{ pointer: '/oci_runtime', detail: 'oci_runtime must be one that the engine of this node offers: runc, runsc' }],
      });
      expect((await t.as('ada').get(`/api/nodes/${id}`).expect(200)).body).toMatchObject({
        oci_runtime: 'runsc',
        isolation: {
          ...{ oci_runtimes: ['runc', 'runsc'], user_namespaces: true, rootless: false },
          ...{ seccomp: 'default', apparmor: false, selinux: false, storage_limit: 'enforced' },
        },
      });
      await heartbeat('not_enforced');
      expect((await admin().get(`/api/nodes/${id}`)).body).toMatchObject({ isolation: { storage_limit: 'not_enforced' } });
    });

    it('has an address where its ports are reached, which only administrators see', async () => {
      const id = await register({ address: 'edge-7.lan' });
      expect((await admin().get(`/api/nodes/${id}`)).body).toMatchObject({ address: 'edge-7.lan' });
      expect((await t.as('ada').get(`/api/nodes/${id}`).expect(200)).body).not.toHaveProperty('address');
      expect((await patch(id, { region: 'us-west' }).expect(200)).body).toMatchObject({ address: 'edge-7.lan' });
      expect((await patch(id, { address: 'fd00::7' }).expect(200)).body).toMatchObject({ address: 'fd00::7' });
      expect((await patch(id, { address: null }).expect(200)).body).toMatchObject({ address: null });
    });

    it('has no OCI runtime for a simulated node', async () => {
      const fault = { errors: [{ pointer: '/oci_runtime', detail: 'oci_runtime must be left out for a simulated node' }] };
      expect((await patch(await register(), { oci_runtime: 'runsc' }).expect(422)).body).toMatchObject(fault);
      expect(
        (
          await admin()
            .post('/api/nodes')
            .send(simulated({ oci_runtime: 'runsc' }))
            .expect(422)
        ).body,
      ).toMatchObject(fault);
    });

    it.each<[string, Record<string, unknown>, string]>([
      ['a path for an OCI runtime', { oci_runtime: '/usr/bin/runc' }, '/oci_runtime'],
      ['an address with a port', { address: '10.0.0.5:80' }, '/address'],
      ['an address that is a URL', { address: 'http://edge-7' }, '/address'],
      ['an address that is every address', { address: '0.0.0.0' }, '/address'],
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
