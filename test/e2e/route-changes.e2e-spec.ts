import { inTransaction, type Tx } from '../../src/database/transaction';
import { StoredStateRepository } from '../../src/rollouts/stored-state.repository';
import { QUICK, rolloutEnds } from '../support/changes';
import { anUnnamedSpec, aSpec, deployed, expectInvariants, freshName, settles } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

const PORTS = [{ container_port: 8080 }, { container_port: 9090 }];

class NothingIsKept extends Error {}

/** Does some work in a transaction in which a replica of the first revision still runs, and gives what it found. Nothing of it is kept. */
async function whileOneStillRuns<T>(t: TestApp, id: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  let found: T | undefined;
  const tried = inTransaction(t.dataSource, async (tx) => {
    await tx.query(
      `INSERT INTO deployment_replicas (deployment_id, generation, revision, rollout, placement_id, node_id, attempt, status)
       SELECT deployment_id, generation, revision, rollout, placement_id, node_id, attempt, 'running'
         FROM deployment_replicas WHERE deployment_id = $1 AND revision = 1 LIMIT 1`,
      [id],
    );
    found = await work(tx);
    throw new NothingIsKept();
  });
  await expect(tried).rejects.toThrow(NothingIsKept);
  return found!;
}

interface RouteBody {
  host: string;
  path_prefix: string;
  port: number;
  state: string;
}

describe('routes of a deployment that is changed', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROUTES_ALLOWED_DOMAINS: 'example.org' } });
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());

  const routesOf = async (id: string): Promise<[string, number][]> => {
    const { body } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    return (body.routes as RouteBody[]).map(({ host, path_prefix: path, port }) => [`${host}${path}`, port]);
  };
  const patch = (user: string, id: string, body: object) => t.as(user).patch(`/api/deployment/${id}`).send(body);

  it('come, change and go by PATCH, without a new revision', async () => {
    const name = freshName();
    const id = await deployed(t, 'ada', { name, ports: PORTS });
    const { body } = await patch('ada', id, { routes: [{ port: 8080 }] }).expect(200);
    expect(body).toMatchObject({ message: 'Updated without a new revision', revision: 1 });
    expect(await routesOf(id)).toEqual([[`${name}.ada.localhost/`, 8080]]);
    await patch('ada', id, { routes: [{ port: 9090 }, { host: 'Api.Example.ORG.', path_prefix: '/v1', port: 8080 }] }).expect(200);
    expect(await routesOf(id)).toEqual([
      [`${name}.ada.localhost/`, 9090],
      ['api.example.org/v1', 8080],
    ]);
    const again = { routes: [{ port: 9090 }, { host: 'API.example.org', path_prefix: '/v1', port: 8080 }] };
    expect((await patch('ada', id, again).expect(200)).body.message).toBe('Nothing to change');
    await patch('ada', id, { routes: null }).expect(200);
    expect(await routesOf(id)).toEqual([]);
  });

  it('stay when something else changes, those that an administrator has given included', async () => {
    const name = freshName();
    const id = await deployed(t, 'ada', { name, ports: PORTS });
    await t.token('root', { admin: true });
    await patch('root', id, { routes: [{ host: `${name}.localhost`, port: 8080 }] }).expect(200);
    await patch('ada', id, { container_image: 'nginx:1.28', ports: [{ container_port: 8080 }] }).expect(202);
    expect(await routesOf(id)).toEqual([[`${name}.localhost/`, 8080]]);
    const { body } = await patch('ada', id, { routes: [{ host: `other.${name}.localhost`, port: 8080 }] }).expect(422);
    expect(body.errors).toMatchObject([{ pointer: '/routes/0/host' }]);
  });

  /** All but the times at which its replicas were seen, which go on. */
  const shown = async (id: string): Promise<unknown> => {
    const { replicas, ...body } = (await t.as('ada').get(`/api/deployment/${id}`).expect(200)).body;
    return { ...body, replicas: (replicas as { readonly id: string }[]).map((replica) => ({ ...replica, observed_at: null })) };
  };

  it('refuse a port that goes away, say that routes lead to it, and nothing changes; with the routes it may go', async () => {
    const id = await deployed(t, 'ada', { ports: PORTS, routes: [{ port: 9090 }] });
    await settles(t, 'ada', id);
    const before = await shown(id);
    const detail = 'ports must keep 9090 as tcp, to which routes of the deployment lead; change routes in the same request to drop it';
    for (const query of ['', '?dry_run=true']) {
      for (const ports of [[{ container_port: 8080 }], null, [{ container_port: 9090, protocol: 'udp' }]]) {
        const { body } = await t.as('ada').patch(`/api/deployment/${id}${query}`).send({ ports }).expect(422);
        expect(body).toMatchObject({ detail: `${detail}.`, errors: [{ pointer: '/ports', detail }] });
      }
    }
    expect(await shown(id)).toEqual(before);
    await patch('ada', id, { ports: null, routes: null }).expect(202);
    expect(await routesOf(id)).toEqual([]);
  });

  const FIRST = [{ container_port: 8080 }];
  const notYet = (port: number, revision: number): string =>
    `port must be one that every replica has which runs, and revision ${revision} does not publish ${port}; ` +
    'change ports first, and routes when that is rolled out';

  it('lead to no port that a replica which runs lacks, in the middle of a rollout neither', async () => {
    const name = freshName();
    const never = { ...QUICK, min_healthy_seconds: 600, progress_deadline_seconds: 3_600 };
    const id = await deployed(t, 'ada', { name, ports: FIRST, routes: [{ port: 8080 }], rollout: never });
    await settles(t, 'ada', id);
    const before = await shown(id);
    const both = { ports: [{ container_port: 9090 }], routes: [{ port: 9090 }] };
    const answers = await Promise.all([
      patch('ada', id, both),
      t.as('ada').post(`/api/deployment/${id}/preview`).send(both),
      t.as('ada').put(`/api/deployment/named/${name}`).send(anUnnamedSpec(both)),
    ]);
    const refused = [422, `${notYet(9090, 1)}.`, [{ pointer: '/routes/0/port', detail: notYet(9090, 1) }]];
    for (const { status, body } of answers) expect([status, body.detail, body.errors]).toEqual(refused);
    expect(await shown(id)).toEqual(before);

    await patch('ada', id, { ports: PORTS }).expect(202);
    const moved = { routes: [{ port: 8080 }, { path_prefix: '/v2', port: 9090 }] };
    const { body } = await patch('ada', id, moved).expect(422);
    expect(body.errors).toEqual([{ pointer: '/routes/1/port', detail: notYet(9090, 1) }]);
    await t.as('ada').post(`/api/deployment/${id}/rollout/abort`).expect(202);
    await rolloutEnds(t, 'ada', id, 'rolled_back');
    expect(await routesOf(id)).toEqual([[`${name}.ada.localhost/`, 8080]]);
  });

  it('move to another port in three steps, and going back never leaves them without one', async () => {
    const name = freshName();
    const id = await deployed(t, 'ada', { name, ports: FIRST, routes: [{ port: 8080 }], rollout: QUICK });
    await patch('ada', id, { ports: PORTS }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    await patch('ada', id, { routes: [{ port: 9090 }] }).expect(200);
    await patch('ada', id, { ports: [{ container_port: 9090 }] }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    const back = (revision: number) => t.as('ada').post(`/api/deployment/${id}/rollback`).send({ revision });
    expect((await back(1).expect(409)).body).toMatchObject({
      code: 'conflict',
      detail: 'Revision 1 does not publish 9090, to which routes lead: change the routes first',
    });
    expect(await routesOf(id)).toEqual([[`${name}.ada.localhost/`, 9090]]);
    await back(2).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
  });

  it('may lead to a new port once the rollout that brings it is over, though an old replica still leaves', async () => {
    const id = await deployed(t, 'ada', { ports: FIRST, routes: [{ port: 8080 }], rollout: QUICK });
    await patch('ada', id, { ports: PORTS }).expect(202);
    await rolloutEnds(t, 'ada', id, 'completed');
    await settles(t, 'ada', id);
    const inUse = await whileOneStillRuns(t, id, async (tx) => {
      const states = t.app.get(StoredStateRepository, { strict: false });
      const after = await states.portsInUse(tx, id);
      await tx.query('UPDATE deployments SET open_rollout = current_rollout WHERE id = $1', [id]);
      return { after, during: await states.portsInUse(tx, id) };
    });
    const [old, wanted] = [
      { revision: 1, ports: [8080] },
      { revision: 2, ports: [8080, 9090] },
    ];
    expect(inUse).toEqual({ after: [wanted], during: [old, wanted] });
  });

  it('change together with the ports where nothing runs', async () => {
    const name = freshName();
    const id = await deployed(t, 'ada', { name, ports: FIRST, routes: [{ port: 8080 }] });
    await t.as('ada').post(`/api/deployment/${id}/stop`).expect(202);
    await patch('ada', id, { ports: [{ container_port: 9090 }], routes: [{ port: 9090 }] }).expect(202);
    expect(await routesOf(id)).toEqual([[`${name}.ada.localhost/`, 9090]]);
  });

  it('have their port again after a delete in the middle of a rollout that drops another one', async () => {
    const name = freshName();
    const never = { ...QUICK, min_healthy_seconds: 600, progress_deadline_seconds: 3_600 };
    const id = await deployed(t, 'ada', { name, ports: PORTS, routes: [{ port: 9090 }], rollout: never });
    await patch('ada', id, { ports: FIRST, routes: [{ port: 8080 }] }).expect(202);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    await t.as('ada').post(`/api/deployment/${id}/restore`).expect(202);
    await settles(t, 'ada', id);
    const { body } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    expect(body).toMatchObject({ status: 'running', revision: 1, routes: [{ port: 8080, state: 'active', backends: 1 }] });
  });

  it.each([
    [{ host: '*.example.org' }, 'host', 'host must be one name: wildcards are not supported'],
    [{ host: '127.0.0.1' }, 'host', 'host must be a name and not an address'],
    [{ host: 'web.example.org:8080' }, 'host', 'host must be a name alone, without a scheme, port or path'],
    [
      { host: 'web_1.example.org' },
      'host',
      'host must consist of labels of letters, digits and inner hyphens, of at most 63 characters each',
    ],
    [{ host: 'web.bob.localhost' }, 'host', 'host must end with .ada.localhost, or be outside of localhost'],
    [{ host: 'web.example.net' }, 'host', 'host must be in a domain that is allowed here: .ada.localhost, example.org'],
    [{ path_prefix: '/a/../b' }, 'path_prefix', 'path_prefix must not contain the segments . and ..'],
    [{ path_prefix: '/./a' }, 'path_prefix', 'path_prefix must not contain the segments . and ..'],
    [{ path_prefix: '/%2e%2e/a' }, 'path_prefix', 'path_prefix must not contain encodings such as %2F'],
    [{ path_prefix: '/a//b' }, 'path_prefix', 'path_prefix must not contain //'],
    [{ path_prefix: '/a?b' }, 'path_prefix', 'path_prefix must be a path alone, of letters, digits and the signs that paths may have'],
    [{ path_prefix: 'a' }, 'path_prefix', 'path_prefix must start with /'],
    [{ port: 53 }, 'port', "port must be one of the deployment's tcp ports: 8080, 9090"],
  ])('refuse %j wherever routes are asked for, in the same words, and nothing changes', async (over, member, detail) => {
    const name = freshName();
    const id = await deployed(t, 'ada', { name, ports: PORTS, routes: [{ port: 8080 }] });
    const routes = [{ port: 8080, ...over }];
    const answers = await Promise.all([
      t
        .as('ada')
        .post('/api/deployment/deploy')
        .send(aSpec({ ports: PORTS, routes })),
      t
        .as('ada')
        .post('/api/deployment/deploy/preview')
        .send(aSpec({ ports: PORTS, routes })),
      t
        .as('ada')
        .put(`/api/deployment/named/${name}`)
        .send(anUnnamedSpec({ ports: PORTS, routes })),
      patch('ada', id, { routes }),
      t.as('ada').post(`/api/deployment/${id}/preview`).send({ routes }),
    ]);
    for (const { status, body } of answers) {
      expect([status, body.code, body.errors]).toEqual([422, 'validation_failed', [{ pointer: `/routes/0/${member}`, detail }]]);
    }
    expect(await routesOf(id)).toEqual([[`${name}.ada.localhost/`, 8080]]);
  });

  it.each([
    ['WWW.Example.ORG', 'www.example.org'],
    ['dot.example.org.', 'dot.example.org'],
    ['Bücher.example.org', 'xn--bcher-kva.example.org'],
    ['XN--BCHER-KVA.example.org.', 'xn--bcher-kva.example.org'],
    ['ｆｕｌｌ.example.org', 'full.example.org'],
  ])('keep %s as %s, and give no other spelling of it to others', async (spelling, host) => {
    const mine = await deployed(t, 'ada', { ports: PORTS, routes: [{ host: spelling, port: 8080 }] });
    expect(await routesOf(mine)).toEqual([[`${host}/`, 8080]]);
    const theirs = await deployed(t, 'bob', { ports: PORTS });
    for (const twin of [spelling, host, `${host.toUpperCase()}.`]) {
      const { body } = await patch('bob', theirs, { routes: [{ host: twin, path_prefix: '/other', port: 8080 }] }).expect(409);
      expect(body.code).toBe('route_taken');
    }
    await t.as('ada').delete(`/api/deployment/${mine}`).expect(200);
  });

  it('refuse what somebody else has, without saying whose it is, also of two at once', async () => {
    const [adas, bobs] = [await deployed(t, 'ada', { ports: PORTS }), await deployed(t, 'bob', { ports: PORTS })];
    const wish = { routes: [{ host: 'both.example.org', port: 8080 }] };
    const answers = await Promise.all([patch('ada', adas, wish), patch('bob', bobs, wish)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const refused = answers.find(({ status }) => status === 409)!;
    expect(refused.body).toMatchObject({ code: 'route_taken' });
    expect(refused.text).not.toMatch(/ada|bob/);
  });

  it('are made by PUT, which may be repeated', async () => {
    const name = freshName();
    const body = { type: 'compute', container_image: 'nginx:1.27', resources: { cpu: 0.5, memory: 512 }, ports: PORTS };
    const put = (routes: object[]) =>
      t
        .as('ada')
        .put(`/api/deployment/named/${name}`)
        .send({ ...body, routes });
    const { deployment_id: id } = (await put([{ host: 'Put.example.org', port: 8080 }]).expect(202)).body;
    expect(await routesOf(id)).toEqual([['put.example.org/', 8080]]);
    expect((await put([{ host: 'put.example.org', port: 8080 }]).expect(200)).body.message).toBe('Nothing to change');
    await put([]).expect(200);
    expect(await routesOf(id)).toEqual([]);
  });
});
