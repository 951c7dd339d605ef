import {
  aSpec,
  deploy,
  deployed,
  expectInvariants,
  freshName,
  historyOf,
  ISO_TIME,
  NEITHER_DELETED_NOR_HELD,
  queuedAnswer,
  reaches,
  settles,
  statusOf,
  recordRows,
  UUID,
} from '../support/deployments';
import { ContainerVault, storedContainerOf, type StoredContainer } from '../../src/deployments/spec/container-vault';
import { startTestApp, type TestApp } from '../support/test-app';

const DEPLOY = '/api/deployment/deploy';

interface ReadBack {
  readonly spec: Record<string, unknown>;
  readonly spec_hash: string;
  readonly env_hashes: Record<string, string>;
}

describe('POST /api/deployment/deploy', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());
  afterEach(() => expectInvariants(t.dataSource));

  const cleanUp = (id: string) => t.as('ada').delete(`/api/deployment/${id}`).expect(200);

  it('accepts with the answer and the Location of the contract and writes the first history row', async () => {
    const answer = await t
      .as('ada')
      .post(DEPLOY)
      .set('X-Request-Id', 'deploy-1')
      .send(aSpec({ replicas: 2 }))
      .expect(202);
    const id: string = answer.body.deployment_id;
    expect(id).toMatch(UUID);
    expect(answer.body).toEqual(queuedAnswer(id, 2));
    expect(answer.headers.location).toBe(`/api/deployment/status/${id}`);
    expect(answer.headers['x-request-id']).toBe('deploy-1');
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    await t.as('ada').get(answer.headers.location!).expect(200);

    await reaches(t, 'ada', id, 'running', 'healthy');
    const { body } = await t.as('ada').get(`/api/deployment/${id}/history`).expect(200);
    expect(body.at(-1)).toEqual({
      old_status: 'none',
      new_status: 'pending',
      changed_at: expect.stringMatching(ISO_TIME),
      reason: 'Deployment created by user',
      changed_by: await t.userId('ada'),
      request_id: 'deploy-1',
    });
    expect(body[0]).toMatchObject({ changed_by: null, request_id: null, reason: 'All 2 replicas started successfully' });
    expect((await historyOf(t, 'ada', id)).map(({ old_status, new_status, reason }) => [old_status, new_status, reason])).toEqual([
      ['none', 'pending', 'Deployment created by user'],
      ['pending', 'scheduled', 'Scheduled 2 replicas across nodes'],
      ['scheduled', 'running', 'All 2 replicas started successfully'],
    ]);
    await cleanUp(id);
  });

  it('fills in the defaults of the contract', async () => {
    const body = { name: freshName(), type: 'storage', container_image: 'nginx', resources: { cpu: 0.5, memory: 512 } };
    const answer = await t.as('ada').post(DEPLOY).send(body).expect(202);
    expect(answer.body.replicas).toBe(1);
    const id: string = answer.body.deployment_id;
    await reaches(t, 'ada', id, 'running');
    const detail = (await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body;
    expect(detail).toMatchObject({
      target_replicas: 1,
      region: 'us-east',
      placement_strategy: 'spread',
      command: null,
      env_names: [],
      ports: [],
      health_check: null,
      read_only_root: false,
      labels: {},
      generation: 1,
      resources: { cpu_cores: 0.5, memory_mb: 512, gpu_units: 0, storage_gb: 10 },
    });
    await cleanUp(id);
  });

  it('shows a spec that makes the same again, and hashes that tell whether a value of env is the same', async () => {
    const env = { DEBUG: 'on', TRACE: 'on' };
    const first = await deploy(t, 'ada', { env, command: ['serve'], labels: { team: 'edge' } });
    const shown = async (id: string) => (await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body as ReadBack;
    const before = await shown(first);
    await t.as('ada').delete(`/api/deployment/${first}`).expect(200);
    const again = (
      await t
        .as('ada')
        .post(DEPLOY)
        .send({ ...before.spec, env })
        .expect(202)
    ).body as { deployment_id: string };
    const after = await shown(again.deployment_id);
    expect(after.spec).toEqual(before.spec);

    const { DEBUG: debug, TRACE: trace } = before.env_hashes;
    expect(new Set([debug, trace, after.env_hashes.DEBUG]).size).toBe(3);
    expect(await shown(again.deployment_id)).toMatchObject({ env_hashes: after.env_hashes, spec_hash: after.spec_hash });
    await t.as('ada').post(`/api/deployment/scale/${again.deployment_id}`).send({ replicas: 2 }).expect(200);
    const scaled = await shown(again.deployment_id);
    expect([scaled.spec.replicas, scaled.spec_hash === after.spec_hash]).toEqual([2, false]);
    await t.as('ada').delete(`/api/deployment/${again.deployment_id}`).expect(200);
  });

  it('stores the whole specification and shows all of it, but of the environment only the names', async () => {
    const secret = 'hunter2-must-never-be-seen';
    const body = {
      name: 'Full.spec_1-a',
      type: 'gateway',
      container_image: 'registry.example.org:5000/team/api:1.2.3@sha256:' + 'a'.repeat(64),
      replicas: 2,
      resources: { cpu: 1.25, memory: 1024, gpu: 1, storage: 20 },
      env: { ZETA: secret, API_KEY: secret, toString: 'x', EMPTY: '', CERT: 'line one\nline two\t' },
      region: 'eu-west',
      placement_strategy: 'binpack',
      command: ['serve', '--save', '', '--flag', 'ünï → 🐝'],
      ports: [{ container_port: 8080 }, { container_port: 53, protocol: 'udp' }],
      health_check: {
        command: ['sh', '-c', 'true\ntrue', ''],
        interval_seconds: 7,
        timeout_seconds: 2,
        retries: 4,
        start_period_seconds: 1,
      },
      read_only_root: true,
      labels: { team: 'edge', 'example.org/tier': '' },
      rollout: {
        ...{ max_surge: 2, max_unavailable: 1, min_healthy_seconds: 7, progress_deadline_seconds: 60 },
        on_failure: 'pause',
      },
    };
    const answer = await t.as('ada').post(DEPLOY).send(body).expect(202);
    const id: string = answer.body.deployment_id;
    await reaches(t, 'ada', id, 'running', 'healthy');
    await settles(t, 'ada', id);
    const shown = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    const { replicas, recent_status_changes, placements, ...detail } = shown.body;
    const withoutEnv: Partial<typeof body> = { ...body };
    delete withoutEnv.env;
    expect(detail).toEqual({
      deployment_id: id,
      id,
      name: body.name,
      status: 'running',
      health: 'healthy',
      health_reasons: [],
      target_replicas: 2,
      revision: 1,
      rollout: null,
      routes: [],
      secret_env: {},
      volumes: [],
      resources: { cpu_cores: 1.25, memory_mb: 1024, gpu_units: 1, storage_gb: 20 },
      work: null,
      created_at: expect.stringMatching(ISO_TIME),
      updated_at: expect.stringMatching(ISO_TIME),
      ...NEITHER_DELETED_NOR_HELD,
      type: 'gateway',
      container_image: body.container_image,
      region: 'eu-west',
      placement_strategy: 'binpack',
      command: body.command,
      env_names: ['API_KEY', 'CERT', 'EMPTY', 'ZETA', 'toString'],
      ports: [
        { container_port: 8080, protocol: 'tcp' },
        { container_port: 53, protocol: 'udp' },
      ],
      health_check: body.health_check,
      read_only_root: true,
      restart: 'always',
      labels: body.labels,
      user_id: await t.userId('ada'),
      project_id: await t.userId('ada'),
      project: 'ada',
      generation: 1,
      spec: {
        ...withoutEnv,
        secret_env: {},
        volumes: [],
        routes: [],
        restart: 'always',
        ports: [
          { container_port: 8080, protocol: 'tcp' },
          { container_port: 53, protocol: 'udp' },
        ],
      },
      env_hashes: Object.fromEntries(Object.keys(body.env).map((name) => [name, expect.stringMatching(/^[0-9a-f]{32}$/)])),
      spec_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(replicas).toHaveLength(2);
    expect(replicas[0].ports.map((port: { container_port: number; protocol: string }) => [port.container_port, port.protocol])).toEqual([
      [8080, 'tcp'],
      [53, 'udp'],
    ]);
    expect(recent_status_changes).toHaveLength(3);
    expect(placements).toHaveLength(1);
    expect(placements[0]).toMatchObject({
      cause: 'deploy',
      strategy: 'binpack',
      requested: 2,
      placed: 2,
      nodes_considered: 3,
      nodes_rejected: 2,
    });
    expect(placements[0].candidates[0]).toMatchObject({
      node_name: 'demo-us-east',
      replicas: 2,
      score: {
        total: expect.any(Number),
        free: expect.any(Number),
        cpu_idle: expect.any(Number),
        memory_idle: expect.any(Number),
        locality: expect.any(Number),
        latency_ms: expect.any(Number),
      },
    });
    expect(placements[0].rejected[0].reasons).toEqual(['gpu: 1 unit needed, 0 free']);
    const status = await t.as('ada').get(`/api/deployment/status/${id}`).expect(200);
    expect(shown.text + status.text + answer.text).not.toContain(secret);
    const [stored] = await t.dataSource.query<{ row: string; sealed: StoredContainer }[]>(
      `SELECT to_jsonb(v)::text AS row, ${storedContainerOf('v')} AS sealed FROM deployment_revisions AS v WHERE deployment_id = $1`,
      [id],
    );
    expect(stored!.row).not.toContain(secret);
    expect(t.app.get(ContainerVault, { strict: false }).open(stored!.sealed, id).env).toEqual(body.env);
    await cleanUp(id);
  });

  it('refuses a second live deployment of a name, per user, until the first is deleted', async () => {
    const id = await deploy(t, 'ada', { name: 'taken' });
    const clash = await t
      .as('ada')
      .post(DEPLOY)
      .send(aSpec({ name: 'taken' }))
      .expect(409);
    expect(clash.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(clash.body).toMatchObject({ status: 409, code: 'already_exists', detail: 'A deployment named taken exists already' });
    const other = await deploy(t, 'bob', { name: 'taken' });
    await t.as('bob').delete(`/api/deployment/${other}`).expect(200);
    await reaches(t, 'ada', id, 'running');
    await cleanUp(id);
    await cleanUp(await deploy(t, 'ada', { name: 'taken' }));
  });

  it('fails in the words of the contract, with what was short, when the nodes have no room, and holds nothing', async () => {
    const id = await deploy(t, 'ada', { replicas: 3, resources: { cpu: 0.5, memory: 512, gpu: 2 } });
    const failed = await reaches(t, 'ada', id, 'failed');
    expect(failed.recent_status_changes[0]).toEqual({
      old_status: 'pending',
      new_status: 'failed',
      changed_at: expect.stringMatching(ISO_TIME),
      reason: 'Insufficient nodes: need 3, found 1 with capacity; gpu: 2 units needed per replica, at most 0 units free on a node',
    });
    expect(failed).toMatchObject({ health: 'unhealthy', replicas: [] });
    const open = await t.dataSource.query<unknown[]>(`SELECT 1 FROM reservations WHERE deployment_id = $1`, [id]);
    expect(open).toEqual([]);
    await cleanUp(id);
  });

  it('places on distinct nodes when it must, and says so when it cannot', async () => {
    const id = await deployed(t, 'ada', { replicas: 3, placement_strategy: 'distinct' });
    expect(new Set((await statusOf(t, 'ada', id)).replicas.map((replica) => replica.node_id)).size).toBe(3);
    await cleanUp(id);
    const four = await deploy(t, 'ada', { replicas: 4, placement_strategy: 'distinct' });
    const failed = await reaches(t, 'ada', four, 'failed');
    expect(failed.recent_status_changes[0]!.reason).toBe(
      'Insufficient nodes: need 4, found 3 with capacity; 3 nodes already hold a replica of this deployment',
    );
    await cleanUp(four);
  });

  describe('?dry_run=true', () => {
    it('shows the placement and writes nothing', async () => {
      const before = await recordRows(t.dataSource);
      const answer = await t
        .as('ada')
        .post(`${DEPLOY}?dry_run=true`)
        .send(aSpec({ replicas: 2 }))
        .expect(200);
      expect(answer.body).toMatchObject({
        dry_run: true,
        schedulable: true,
        message: 'All 2 replicas would be placed',
        placement: { strategy: 'spread', requested: 2, placed: 2, nodes_considered: 3, nodes_rejected: 0, rejected: [] },
      });
      expect(answer.body.node_ids).toHaveLength(2);
      expect(answer.body.placement.candidates).toHaveLength(3);
      expect(answer.headers.location).toBeUndefined();
      expect(await recordRows(t.dataSource)).toEqual(before);
    });

    it('says why not', async () => {
      const answer = await t
        .as('ada')
        .post(`${DEPLOY}?dry_run=true`)
        .send(aSpec({ resources: { cpu: 32, memory: 512, storage: 1 } }))
        .expect(200);
      expect(answer.body).toMatchObject({
        dry_run: true,
        schedulable: false,
        message: 'Insufficient nodes: need 1, found 0 with capacity; cpu: 32 cores needed per replica, at most 16 cores free on a node',
        node_ids: [],
      });
      expect(answer.body.placement.rejected).toHaveLength(3);
      expect(answer.body.placement.rejected[0].reasons).toEqual(['cpu: 32 cores needed, 16 free']);
    });

    it('refuses what a deployment would be refused for, and deploys for real when it is false', async () => {
      await t
        .as('ada')
        .post(`${DEPLOY}?dry_run=true`)
        .send(aSpec({ replicas: 101 }))
        .expect(422);
      const answer = await t.as('ada').post(`${DEPLOY}?dry_run=false`).send(aSpec()).expect(202);
      await reaches(t, 'ada', answer.body.deployment_id, 'running');
      await cleanUp(answer.body.deployment_id);
    });
  });
});
