import { startTestApp, type TestApp } from '../support/test-app';

const spec = (name: string) => ({ name, type: 'compute', container_image: 'nginx:1.27', resources: { cpu: 0.5, memory: 512 } });

describe('Idempotency-Key', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const deploy = (key: string, name: string, user = 'ada') =>
    t.as(user).post('/api/deployment/deploy').set('Idempotency-Key', key).send(spec(name));
  const count = async (name: string): Promise<number> => {
    const [{ n }] = await t.dataSource.query<[{ n: number }]>(`SELECT count(*)::int AS n FROM deployments WHERE name = $1`, [name]);
    return n;
  };

  it('gives the first answer again: status, body and Location', async () => {
    const first = await deploy('a-1', 'web-a').expect(202);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    const second = await deploy('a-1', 'web-a').expect(202).expect('Idempotency-Replayed', 'true');
    expect(second.text).toBe(first.text);
    expect(second.headers.location).toBe(first.headers.location);
    expect(await count('web-a')).toBe(1);
  });

  it('lets ten parallel requests with one key have one effect and ten identical answers', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => deploy('b-1', 'web-b')));
    expect(answers.map(({ status }) => status)).toEqual(new Array(10).fill(202));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await count('web-b')).toBe(1);
  });

  it('refuses the key for another request', async () => {
    await deploy('c-1', 'web-c').expect(202);
    const { body } = await deploy('c-1', 'web-c2').expect(422);
    expect(body).toMatchObject({ code: 'idempotency_key_reused' });
    expect(await count('web-c2')).toBe(0);
  });

  it('means nothing to another user', async () => {
    await deploy('d-1', 'web-d').expect(202);
    const { body, headers } = await deploy('d-1', 'web-d', 'eve').expect(202);
    expect(headers['idempotency-replayed']).toBeUndefined();
    expect(body).not.toEqual((await deploy('d-1', 'web-d')).body);
  });

  it('replays a refusal, under the id of the new request', async () => {
    await deploy('e-1', 'web-e').expect(202);
    const first = await deploy('e-2', 'web-e').expect(409);
    const second = await deploy('e-2', 'web-e').set('X-Request-Id', 'second').expect(409).expect('Idempotency-Replayed', 'true');
    expect(second.body).toEqual({ ...(first.body as object), request_id: 'second' });
  });

  it('answers a repeated delete with the first answer instead of 409', async () => {
    const { body } = await deploy('f-1', 'web-f').expect(202);
    const id = (body as { deployment_id: string }).deployment_id;
    const remove = () => t.as('ada').delete(`/api/deployment/${id}?wait=20`).set('Idempotency-Key', 'f-2');
    const first = await remove();
    expect([200, 202]).toContain(first.status);
    const second = await remove().expect(first.status).expect('Idempotency-Replayed', 'true');
    expect(second.text).toBe(first.text);
    await t.as('ada').delete(`/api/deployment/${id}`).set('Idempotency-Key', 'f-3').expect(409);
  });

  it.each([['x'.repeat(256)], ['']])('refuses a key that is not 1 to 255 printable characters', async (key) => {
    const { body } = await deploy(key, 'web-g').expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: 'Idempotency-Key' }] });
    expect(await count('web-g')).toBe(0);
  });

  it('checks the token before the key', async () => {
    await deploy('h-1', 'web-h').expect(202);
    await t.http.post('/api/deployment/deploy').set('Idempotency-Key', 'h-1').send(spec('web-h')).expect(401);
  });

  it('covers registration, and does not take the key from readers', async () => {
    const user = { username: 'Grace', email: 'grace@example.org', password: 'Correct-Horse-7' };
    const register = () => t.http.post('/api/auth/register').set('Idempotency-Key', 'i-1').send(user);
    const first = await register().expect(201);
    expect((await register().expect(201)).text).toBe(first.text);
    await t.as('ada').get('/api/deployment/list').set('Idempotency-Key', 'i-1').expect(200);
  });
});
