import { randomUUID } from 'node:crypto';
import { hasLabels, labelKeys } from '../../src/deployments/views/narrowing.sql';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { ISO_TIME } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

interface Item {
  id: string;
  name: string;
  status: string;
}

const LIST = '/api/deployment/list';

describe('GET /api/deployment/list', () => {
  let t: TestApp;
  let users = 0;
  let user: string;
  beforeAll(async () => {
    // Without a worker, which would change the rows that these tests insert.
    t = await startTestApp({ env: { ROLE: 'api' } });
    await t.token('root', { admin: true });
  });
  afterAll(() => t?.close());
  beforeEach(async () => {
    user = `user-${String((users += 1))}`;
    await t.token(user);
  });

  const add = async (values: Record<string, unknown> = {}, owner = user): Promise<string> =>
    aDeployment(t.dataSource, { status: 'stopped', ...values, user_id: await t.userId(owner) });
  const get = (query: Record<string, string | number> = {}, who = user) => t.as(who).get(LIST).query(query);
  const names = async (query: Record<string, string | number> = {}): Promise<string[]> =>
    ((await get(query).expect(200)).body as Item[]).map((item) => item.name);
  const linkOf = (header: string | undefined, rel: string): string | null =>
    new RegExp(`<([^>]+)>; rel="${rel}"`).exec(header ?? '')?.[1] ?? null;

  it('is a bare array of the contract’s items, own ones only, newest first, with running replicas counted', async () => {
    const node = await aNode(t.dataSource);
    const old = await add({ name: 'old', status: 'running', target_replicas: 3, created_at: '2026-01-01T00:00:00Z' });
    const fresh = await add({ name: 'fresh', created_at: '2026-01-02T00:00:00Z' });
    await add({ name: 'foreign' }, 'somebody-else');
    for (const status of ['running', 'running', 'starting', 'stopping', 'failed'])
      await aPlacedReplica(t.dataSource, { deployment_id: old, node_id: node, status });
    const OF_ALL = {
      type: 'compute',
      container_image: expect.stringMatching(/./),
      labels: expect.any(Object),
      user_id: await t.userId(user),
      project_id: await t.userId(user),
      project: user,
    };
    const answer = await get().expect(200);
    expect(answer.body).toEqual([
      {
        id: fresh,
        deployment_id: fresh,
        name: 'fresh',
        status: 'stopped',
        target_replicas: 1,
        running_replicas: 0,
        health: 'unhealthy',
        ...OF_ALL,
        created_at: '2026-01-02T00:00:00.000Z',
        updated_at: expect.stringMatching(ISO_TIME),
      },
      {
        id: old,
        deployment_id: old,
        name: 'old',
        status: 'running',
        target_replicas: 3,
        running_replicas: 2,
        health: 'degraded',
        ...OF_ALL,
        created_at: '2026-01-01T00:00:00.000Z',
        updated_at: expect.stringMatching(ISO_TIME),
      },
    ]);
    expect(answer.headers['x-total-count']).toBe('2');
    expect(answer.headers.link).toBeUndefined();
    expect((await t.as('nobody-yet').get(LIST).expect(200)).body).toEqual([]);
  });

  it('filters by a part of the name in any case; %, _ and backslash are ordinary characters', async () => {
    for (const name of ['Web-Api', 'web_api', 'web%api', 'web\\api', 'other']) await add({ name });
    expect((await names({ name: 'WEB' })).sort()).toEqual(['Web-Api', 'web%api', 'web\\api', 'web_api']);
    expect(await names({ name: '%' })).toEqual(['web%api']);
    expect(await names({ name: '_' })).toEqual(['web_api']);
    expect(await names({ name: '\\' })).toEqual(['web\\api']);
    expect(await names({ name: 'b_A' })).toEqual(['web_api']);
    expect(await names({ name: "'; DROP TABLE users; --" })).toEqual([]);
    expect(await names({ name: '' })).toHaveLength(5);
  });

  it('filters by creation time, inclusive at both ends, to the millisecond that the list shows', async () => {
    for (const [name, created_at] of [
      ['a', '2026-03-01T10:00:00.000999Z'],
      ['b', '2026-03-01T10:00:00.001Z'],
      ['c', '2026-03-01T10:00:00.002500Z'],
    ]) {
      await add({ name, created_at });
    }
    const range = { sort_by: 'name', sort_order: 'asc' };
    expect(await names({ ...range, created_after: '2026-03-01T10:00:00.001Z' })).toEqual(['b', 'c']);
    expect(await names({ ...range, created_before: '2026-03-01T10:00:00.001Z' })).toEqual(['a', 'b']);
    expect(await names({ ...range, created_before: '2026-03-01T10:00:00.002Z' })).toEqual(['a', 'b', 'c']);
    expect(await names({ ...range, created_after: '2026-03-01T10:00:00.001Z', created_before: '2026-03-01T10:00:00.001Z' })).toEqual(['b']);
    expect(await names({ ...range, created_after: '2026-03-01T12:00:00.001+02:00' })).toEqual(['b', 'c']);
    expect(await names({ ...range, created_before: '2026-03-01' })).toEqual([]);
    // The space is a plus sign that a client has not encoded.
    expect(await names({ ...range, created_after: '2026-03-01t12:00:00.001 02:00' })).toEqual(['b', 'c']);
    expect(await names({ ...range, created_after: '2024-02-29' })).toEqual(['a', 'b', 'c']);
    const [item] = (await get({ ...range }).expect(200)).body;
    expect(await names({ ...range, created_after: item.created_at, created_before: item.created_at })).toEqual(['a']);
  });

  it('filters by labels, of which all must hold', async () => {
    await add({ name: 'a', labels: { team: 'edge', tier: '1' } });
    await add({ name: 'b', labels: { team: 'edge', note: 'x=y' } });
    await add({ name: 'c', labels: { team: '' } });
    await add({ name: 'd' });
    const by = async (...labels: string[]): Promise<string[]> => {
      const query = new URLSearchParams(labels.map((label): [string, string] => ['label', label]));
      const answer = await t.as(user).get(`${LIST}?${query.toString()}`).expect(200);
      expect(answer.headers['x-total-count']).toBe(String((answer.body as Item[]).length));
      return (answer.body as Item[]).map(({ name }) => name).sort();
    };
    expect(await by('team')).toEqual(['a', 'b', 'c']);
    expect(await by('team=edge')).toEqual(['a', 'b']);
    expect(await by('team=')).toEqual(['c']);
    expect(await by('team', 'tier')).toEqual(['a']);
    expect(await by('team=edge', 'note=x=y')).toEqual(['b']);
    expect(await by('team=edge', 'team=edge', 'tier=1', 'tier')).toEqual(['a']);
    expect(await by('team=edge', 'tier=2')).toEqual([]);
    expect(await by('toString')).toEqual([]);
  });

  it('finds labels among the deployments of all users for administrators, and by an index', async () => {
    const label = `only-${randomUUID()}`;
    await add({ name: 'mine', labels: { [label]: 'a=b' } });
    await add({ name: 'theirs', labels: { [label]: 'c' } }, 'somebody-else');
    const all = async (query: string): Promise<string[]> => {
      const { body } = await t.as('root').get(`${LIST}?all_users=true&${query}`).expect(200);
      return (body as Item[]).map(({ name }) => name).sort();
    };
    expect(await all(`label=${label}`)).toEqual(['mine', 'theirs']);
    expect(await all(`label=${label}%3Da%3Db`)).toEqual(['mine']);
    const { body: own } = await t
      .as('root')
      .get(`${LIST}?label=${label}&user_id=${(await t.userId(user)).toUpperCase()}`)
      .expect(200);
    expect(own).toEqual([expect.objectContaining({ name: 'mine' })]);
    const plan = await t.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL enable_seqscan = off`);
      return tx.query<object[]>(`EXPLAIN SELECT 1 FROM deployments AS d WHERE ${hasLabels(labelKeys(`'["${label}"]'::jsonb`, null))}`);
    });
    expect(JSON.stringify(plan)).toContain('ix_deployments_labels');
  });

  it('filters by type, image and node, together with everything else, and counts and pages what is left', async () => {
    const [near, far] = [await aNode(t.dataSource), await aNode(t.dataSource)];
    const web = await add({ name: 'web', container: { image: 'ghcr.io/Acme/web_1:2.0' } });
    await add({ name: 'store', type: 'storage', container: { image: 'redis:8' } });
    await aPlacedReplica(t.dataSource, { deployment_id: web, node_id: near, status: 'running' });
    await aPlacedReplica(t.dataSource, { deployment_id: web, node_id: far, status: 'failed' });
    expect(await names({ type: 'storage' })).toEqual(['store']);
    expect(await names({ image: 'acme/WEB_' })).toEqual(['web']);
    expect(await names({ image: '%' })).toEqual([]);
    expect(await names({ node_id: near })).toEqual(['web']);
    expect(await names({ node_id: far })).toEqual([]);
    expect(await names({ node_id: near, image: 'acme', type: 'compute', name: 'W', created_after: '2020-01-01' })).toEqual(['web']);
    expect(await names({ node_id: near, type: 'storage' })).toEqual([]);
    for (const name of ['x1', 'x2', 'x3']) await add({ name, type: 'gateway' });
    const first = await get({ type: 'gateway', limit: 2, sort_by: 'name', sort_order: 'asc' }).expect(200);
    expect(first.headers['x-total-count']).toBe('3');
    const next = await t
      .as(user)
      .get(linkOf(first.headers.link, 'next') ?? '')
      .expect(200);
    expect((next.body as Item[]).map(({ name }) => name)).toEqual(['x3']);
  });

  it('filters by the health that it shows', async () => {
    const node = await aNode(t.dataSource);
    const silent = await aNode(t.dataSource, { last_heartbeat: new Date(0) });
    const of = async (name: string, target_replicas: number, ...replicas: [status: string, node: string][]): Promise<void> => {
      const id = await add({ name, target_replicas });
      for (const [status, node_id] of replicas) await aPlacedReplica(t.dataSource, { deployment_id: id, node_id, status });
    };
    await of('none', 1);
    await of('whole', 1, ['running', node]);
    await of('few', 2, ['running', node]);
    await of('broken', 1, ['running', node], ['failed', node]);
    await of('all-broken', 1, ['failed', node]);
    await of('unsure', 1, ['running', silent]);
    const all = (await get().expect(200)).body as (Item & { health: string })[];
    const shown = (health: string): string[] => all.filter((item) => item.health === health).map(({ name }) => name);
    expect(all).toHaveLength(6);
    for (const health of ['healthy', 'degraded', 'unhealthy']) {
      expect(shown(health)).not.toEqual([]);
      expect(await names({ health })).toEqual(shown(health));
    }
  });

  it('shows nobody the deployments of others, whatever it filters by', async () => {
    await add({ name: 'not-yours', type: 'mixnode', labels: { secret: 'yes' } }, 'somebody-else');
    const queries: Record<string, string>[] = [
      ...[{ label: 'secret' }, { label: 'secret=yes' }, { type: 'mixnode' }, { image: ':' }, { health: 'unhealthy' }],
    ];
    for (const query of queries) expect(await names(query)).toEqual([]);
  });

  it('hides deleted ones unless asked for', async () => {
    await add({ name: 'alive' });
    await add({ name: 'gone', status: 'deleted', deleted_at: new Date() });
    expect(await names()).toEqual(['alive']);
    expect((await names({ include_deleted: 'true' })).sort()).toEqual(['alive', 'gone']);
    expect(await names({ status: 'deleted' })).toEqual(['gone']);
    expect(await names({ include_deleted: 'false' })).toEqual(['alive']);
    expect(await names({ status: 'stopped', include_deleted: 'true' })).toEqual(['alive']);
    expect((await get({ include_deleted: 'true' })).headers['x-total-count']).toBe('2');
  });

  it('sorts by creation time, name and status, both ways, with ties broken by id', async () => {
    const at = '2026-04-01T00:00:00Z';
    const ids: string[] = [];
    for (const status of ['stopped', 'failed', 'failed', 'running'])
      ids.push(await add({ name: `n${String(ids.length)}`, status, created_at: at }));
    const order = async (query: Record<string, string>): Promise<string[]> =>
      ((await get(query).expect(200)).body as Item[]).map((item) => item.id);
    const byId = [...ids].sort();
    expect(await order({})).toEqual([...byId].reverse());
    expect(await order({ sort_order: 'asc' })).toEqual(byId);
    expect(await order({ sort_by: 'created_at', sort_order: 'desc' })).toEqual([...byId].reverse());
    expect(await names({ sort_by: 'name', sort_order: 'asc' })).toEqual(['n0', 'n1', 'n2', 'n3']);
    expect(await names({ sort_by: 'name' })).toEqual(['n3', 'n2', 'n1', 'n0']);
    const failed = [ids[1]!, ids[2]!].sort();
    expect(await order({ sort_by: 'status', sort_order: 'asc' })).toEqual([...failed, ids[3], ids[0]]);
    expect(await order({ sort_by: 'status', sort_order: 'desc' })).toEqual([ids[0], ids[3], ...[...failed].reverse()]);
  });

  it('pages by offset, and links to the neighbours', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await add({ name });
    const page = { sort_by: 'name', sort_order: 'asc', limit: 2 };
    const first = await get(page).expect(200);
    expect(first.headers['x-total-count']).toBe('5');
    expect(linkOf(first.headers.link, 'prev')).toBeNull();
    expect(linkOf(first.headers.link, 'next')).toMatch(/^\/api\/deployment\/list\?.*cursor=/);
    expect(await names({ ...page, offset: 4 })).toEqual(['e']);
    const last = await get({ ...page, offset: 4 });
    expect(linkOf(last.headers.link, 'next')).toBeNull();
    expect(linkOf(last.headers.link, 'prev')).not.toBeNull();
    const beyond = await get({ ...page, offset: 50 }).expect(200);
    expect(beyond.body).toEqual([]);
    expect(beyond.headers['x-total-count']).toBe('5');
    expect(await names({ limit: 100 })).toHaveLength(5);
  });

  it.each(['created_at', 'name', 'status'])(
    'walks all pages by %s, forwards and back, without gap or repeat while rows come and go',
    async (sort_by) => {
      const tie = '2026-05-01T00:00:00.123456Z';
      const known: string[] = [];
      for (let n = 0; n < 13; n++) {
        const created_at = n % 3 === 0 ? tie : `2026-05-0${String(1 + (n % 5))}T00:00:00.00${String(n % 10)}1Z`;
        known.push(await add({ name: `walk-${String(n % 10)}${String(n)}`, status: n % 2 ? 'failed' : 'stopped', created_at }));
      }
      const query = new URLSearchParams({ sort_by, sort_order: 'asc', limit: '3', name: 'walk', include_deleted: 'true' });
      const walk = async (
        start: string,
        rel: 'next' | 'prev',
        disturb: (round: number) => Promise<unknown>,
      ): Promise<{ seen: string[][]; last: string }> => {
        const seen: string[][] = [];
        let last = start;
        for (let url: string | null = start, round = 0; url !== null; round++) {
          const answer = await t.as(user).get(url).expect(200);
          seen.push((answer.body as Item[]).map((item) => item.id));
          last = url;
          url = linkOf(answer.headers.link, rel);
          await disturb(round);
          expect(round).toBeLessThan(20);
        }
        return { seen, last };
      };
      // New rows at the front, and rows that disappear from pages already read, move every offset, but not the
      // cursor.
      const forwards = await walk(`${LIST}?${query.toString()}`, 'next', (round) =>
        add({
          name: `walk-!${String(round)}`,
          status: 'deleted',
          deleted_at: new Date(),
          created_at: `2026-04-01T00:00:0${String(round)}Z`,
        }),
      );
      const seen = forwards.seen.flat();
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((id) => known.includes(id)).sort()).toEqual([...known].sort());

      const back = await walk(forwards.last, 'prev', () => Promise.resolve());
      const backwards = back.seen.reverse().flat();
      expect(new Set(backwards).size).toBe(backwards.length);
      const all = ((await t.as(user).get(`${LIST}?${query.toString()}&limit=100`.replace('limit=3&', ''))).body as Item[]).map(
        (item) => item.id,
      );
      expect(backwards).toEqual(all);
    },
  );

  it('lets administrators, and nobody else, see the deployments of others', async () => {
    const mine = await add({ name: 'mine' });
    const own = await add({ name: 'of-root' }, 'root');
    const asRoot = async (query: Record<string, string>): Promise<string[]> =>
      (
        (
          await t
            .as('root', { admin: true })
            .get(LIST)
            .query({ limit: '100', ...query })
            .expect(200)
        ).body as Item[]
      ).map((item) => item.id);
    expect(await asRoot({})).toEqual([own]);
    expect(await asRoot({ user_id: await t.userId(user) })).toEqual([mine]);
    expect(await asRoot({ all_users: 'true' })).toEqual(expect.arrayContaining([mine, own]));
    expect(await asRoot({ user_id: '00000000-0000-4000-8000-000000000000' })).toEqual([]);
    for (const query of [{ all_users: 'true' }, { user_id: await t.userId('root') }] as Record<string, string>[]) {
      const refused = await get(query).expect(403);
      expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(refused.body.code).toBe('admin_required');
    }
    await get({ all_users: 'false' }).expect(200);
  });

  const forged = (parts: unknown): string => Buffer.from(JSON.stringify(parts)).toString('base64url');
  const ID = '00000000-0000-4000-8000-000000000000';

  it.each<[Record<string, string>, string, string | RegExp]>([
    [{ status: 'gone' }, 'status', 'Invalid status. Must be one of: pending, scheduled, running, stopped, failed, deleted'],
    [{ status: '' }, 'status', 'Invalid status. Must be one of: pending, scheduled, running, stopped, failed, deleted'],
    [{ status: 'RUNNING' }, 'status', 'Invalid status. Must be one of: pending, scheduled, running, stopped, failed, deleted'],
    [{ sort_by: 'id; DROP TABLE users' }, 'sort_by', 'Invalid sort_by. Must be one of: created_at, name, status'],
    [{ sort_by: 'constructor' }, 'sort_by', 'Invalid sort_by. Must be one of: created_at, name, status'],
    [{ sort_order: 'up' }, 'sort_order', "Invalid sort_order. Must be 'asc' or 'desc'"],
    [{ limit: '0' }, 'limit', /1 to 100/],
    [{ limit: '101' }, 'limit', /1 to 100/],
    [{ limit: '' }, 'limit', /1 to 100/],
    [{ limit: '1e1' }, 'limit', /1 to 100/],
    [{ limit: '5.5' }, 'limit', /1 to 100/],
    [{ offset: '-1' }, 'offset', /integer/],
    [{ offset: '99999999999' }, 'offset', /integer/],
    [{ name: 'a\0b' }, 'name', /control/],
    [{ name: 'x'.repeat(101) }, 'name', /100/],
    [{ created_after: 'yesterday' }, 'created_after', /created_after/],
    [{ created_after: '2026-02-30T00:00:00Z' }, 'created_after', /created_after/],
    [{ created_after: '2026-02-29T00:00:00Z' }, 'created_after', /created_after/],
    [{ created_before: '' }, 'created_before', /created_before/],
    [{ created_before: '99999-01-01T00:00:00Z' }, 'created_before', /created_before/],
    [{ include_deleted: 'yes' }, 'include_deleted', /true or false/],
    [{ all_users: '1' }, 'all_users', /true or false/],
    [{ type: 'web' }, 'type', 'Invalid type. Must be one of: compute, storage, gateway, mixnode'],
    [{ health: '' }, 'health', 'Invalid health. Must be one of: healthy, degraded, unhealthy'],
    [{ node_id: 'edge-1' }, 'node_id', 'Invalid node_id. Must be a UUID'],
    [{ label: '' }, 'label', /label/],
    [{ label: 'a b' }, 'label', /name=value/],
    [{ label: `team=${'x'.repeat(400)}` }, 'label', /320/],
    [{ stauts: 'running' }, 'stauts', /not a known field/],
    [{ cursor: '' }, 'cursor', /cursor/],
    [{ cursor: 'rubbish' }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['created_at', false, '2026-99-99 00:00:00+00', ID]) }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['created_at', false, '2026-01-01 00:00:00+99:99', ID]) }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['created_at', false, 'infinity', ID]) }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['created_at', false, '99999999999999999', ID]) }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['created_at', false, '-1', ID]) }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['name', false, 'a', ID]) }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['name', false, 'a\0', ID]), sort_by: 'name' }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['name', 'no', 'a', ID]), sort_by: 'name' }, 'cursor', /Invalid cursor/],
    [{ cursor: forged(['name', false, 'a', 'id']), sort_by: 'name' }, 'cursor', /Invalid cursor/],
    [{ cursor: forged({ length: 4 }) }, 'cursor', /Invalid cursor/],
    [{ cursor: 'A'.repeat(2000) }, 'cursor', /1000/],
  ])('answers 400 to %j and names the parameter', async (query, pointer, words) => {
    const answer = await get(query).expect(400);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
    expect(answer.body.detail).toMatch(words instanceof RegExp ? words : new RegExp(`^${words.replace(/[.()]/g, '\\$&')}$`));
  });

  it('refuses repeated parameters and a user_id that is no UUID', async () => {
    for (const parameter of [
      'limit=1&limit=2',
      'status=running&status=failed',
      'name=a&name=b',
      'cursor=a&cursor=b',
      'sort_by=name&sort_by=name',
    ]) {
      expect((await t.as(user).get(`${LIST}?${parameter}`).expect(400)).body.errors[0].pointer).toBe(parameter.split('=', 1)[0]);
    }
    expect((await t.as('root', { admin: true }).get(`${LIST}?user_id=me`).expect(400)).body.errors[0].pointer).toBe('user_id');
  });
});
