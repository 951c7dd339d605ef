import { aSpec, deployed, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

type Verb = 'get' | 'post' | 'put' | 'delete';

interface Route {
  name: string;
  verb: Verb;
  path: (id: string) => string;
  body?: object;
  /** The status for the owner and an administrator when the deployment is live and running. */
  ok: number;
  /** The same when it is deleted. */
  deleted: number;
  words: (id: string) => string;
}

const gone = (id: string): string => `Deployment ${id} not found or access denied`;
const ROUTES: Route[] = [
  { name: 'status', verb: 'get', path: (id) => `status/${id}`, ok: 200, deleted: 404, words: gone },
  { name: 'status of deleted ones', verb: 'get', path: (id) => `status/${id}?include_deleted=true`, ok: 200, deleted: 200, words: gone },
  { name: 'detail', verb: 'get', path: (id) => id, ok: 200, deleted: 404, words: gone },
  { name: 'detail of deleted ones', verb: 'get', path: (id) => `${id}?include_deleted=true`, ok: 200, deleted: 200, words: gone },
  { name: 'history', verb: 'get', path: (id) => `${id}/history`, ok: 200, deleted: 404, words: gone },
  { name: 'history of deleted ones', verb: 'get', path: (id) => `${id}/history?include_deleted=true`, ok: 200, deleted: 200, words: gone },
  { name: 'scale', verb: 'post', path: (id) => `scale/${id}`, body: { replicas: 1 }, ok: 200, deleted: 400, words: gone },
  { name: 'start', verb: 'post', path: (id) => `${id}/start`, ok: 409, deleted: 404, words: gone },
  { name: 'retry', verb: 'post', path: (id) => `${id}/retry`, ok: 409, deleted: 404, words: gone },
  { name: 'stop', verb: 'post', path: (id) => `${id}/stop`, ok: 202, deleted: 404, words: gone },
  { name: 'ledger', verb: 'get', path: (id) => `${id}/deletion`, ok: 404, deleted: 200, words: gone },
  { name: 'protect', verb: 'put', path: (id) => `${id}/protection`, body: { reason: 'mine' }, ok: 200, deleted: 404, words: gone },
  { name: 'unprotect', verb: 'delete', path: (id) => `${id}/protection`, ok: 200, deleted: 404, words: gone },
  { name: 'preview of a restore', verb: 'post', path: (id) => `${id}/restore?dry_run=true`, ok: 200, deleted: 200, words: gone },
  // Under the name of the live one, which is why nothing is restored.
  { name: 'restore', verb: 'post', path: (id) => `${id}/restore`, body: { name: 'live' }, ok: 409, deleted: 409, words: gone },
  {
    name: 'preview of a delete',
    verb: 'delete',
    path: (id) => `${id}?dry_run=true`,
    ok: 200,
    deleted: 409,
    words: () => 'Deployment not found or access denied',
  },
  { name: 'delete', verb: 'delete', path: (id) => id, ok: 200, deleted: 409, words: () => 'Deployment not found or access denied' },
];

describe('ownership of deployments', () => {
  let t: TestApp;
  let live: string;
  let deleted: string;
  beforeAll(async () => {
    t = await startTestApp();
    await t.token('root', { admin: true });
    await t.token('ada', {});
    [live, deleted] = await Promise.all([deployed(t, 'ada', { name: 'live' }), deployed(t, 'ada', { name: 'deleted' })]);
    await t.as('ada').delete(`/api/deployment/${deleted}`).expect(200);
  });
  afterAll(() => t?.close());

  const request = (agent: ReturnType<TestApp['as']>, { verb, path, body }: Route, id: string) => {
    const sent = agent[verb](`/api/deployment/${path(id)}`).set('X-Request-Id', 'ownership');
    return body === undefined ? sent : sent.send(body);
  };
  const history = (): Promise<unknown[]> =>
    t.dataSource.query(`SELECT * FROM deployment_status_history WHERE deployment_id IN ($1, $2)`, [live, deleted]);

  describe.each(ROUTES)('$name', (route) => {
    it('answers a stranger the same 404, to the byte, for missing, foreign, and foreign and deleted', async () => {
      const before = await history();
      const answers = await Promise.all(
        [UNKNOWN_ID, live, deleted].map(async (id) => {
          const answer = await request(t.as('eve'), route, id);
          const headers = { ...(answer.headers as Record<string, string>), date: '' };
          return {
            status: answer.status,
            text: answer.text.replaceAll(id, '{id}'),
            headers,
            detail: answer.body.detail as string,
            words: route.words(id),
          };
        }),
      );
      for (const answer of answers) {
        expect(answer.status).toBe(404);
        expect(answer.detail).toBe(answer.words);
        expect(answer.text).toBe(answers[0]!.text);
        expect(answer.headers).toEqual(answers[0]!.headers);
      }
      expect(await history()).toEqual(before);
    });

    it('answers 401 without a token, whatever the id', async () => {
      for (const id of [live, deleted, UNKNOWN_ID]) {
        const answer = await request(t.http, route, id).expect(401);
        expect(answer.headers['www-authenticate']).toBe('Bearer');
        expect(answer.body).toMatchObject({ code: 'unauthenticated', detail: 'Not authenticated' });
      }
    });

    it('lets a read-only token of the owner read, and nothing else', async () => {
      const agent = t.as('ada', { readOnly: true });
      for (const [id, status] of [
        [live, route.ok],
        [deleted, route.deleted],
      ] as const) {
        const answer = await request(agent, route, id);
        if (route.verb === 'get') expect(answer.status).toBe(status);
        else expect([answer.status, answer.body.code]).toEqual([403, 'read_only_token']);
      }
    });

    it('gives the owner and an administrator the same', async () => {
      for (const user of ['ada', 'root']) {
        expect((await request(t.as(user), route, deleted)).status).toBe(route.deleted);
      }
      // Stop and delete end the deployment, so each of the two callers gets its own.
      const consuming = route.name === 'stop' || route.name === 'delete';
      for (const user of ['ada', 'root']) {
        const id = consuming ? await deployed(t, 'ada') : live;
        const answer = await request(t.as(user), route, id);
        expect(answer.status).toBe(route.ok);
      }
    });
  });

  it('keeps deploy and the list to those with a token, and deploy from read-only ones', async () => {
    await t.http.get('/api/deployment/list').expect(401);
    await t.http.post('/api/deployment/deploy').send(aSpec()).expect(401);
    await t.as('ada', { readOnly: true }).get('/api/deployment/list').expect(200);
    expect((await t.as('ada', { readOnly: true }).post('/api/deployment/deploy').send(aSpec()).expect(403)).body.code).toBe(
      'read_only_token',
    );
    expect((await t.as('eve').get('/api/deployment/list?include_deleted=true').expect(200)).body).toEqual([]);
    const mine = (await t.as('ada').get('/api/deployment/list?include_deleted=true').expect(200)).body as { id: string }[];
    expect(mine.map((item) => item.id)).toEqual(expect.arrayContaining([live, deleted]));
  });

  it('does not show to a stranger that an id exists by other refusals', async () => {
    // A bad body is refused before the deployment is looked for, so both ids get the same answer.
    const answers = await Promise.all(
      [UNKNOWN_ID, live].map((id) => t.as('eve').post(`/api/deployment/scale/${id}`).set('X-Request-Id', 'same').send({ replicas: 0 })),
    );
    expect(answers.map(({ status }) => status)).toEqual([422, 422]);
    expect(answers[1]!.text.replaceAll(live, '')).toBe(answers[0]!.text.replaceAll(UNKNOWN_ID, ''));
  });
});
