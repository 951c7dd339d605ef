import { Resolver } from 'node:dns/promises';
import { deployed, freshName } from '../support/deployments';
import { readOpenApi, send, type Operation } from '../support/openapi-client';
import { startTestApp, type TestApp } from '../support/test-app';

/** What an example gets as it stands, where that is not the success of the operation. */
const REFUSED: Readonly<Record<string, number>> = {
  'POST /api/agents/join': 401,
  'POST /api/auth/refresh': 401,
  'POST /api/auth/password-reset/confirm': 422,
  'POST /api/deployment/{deployment_id}/force-release': 409,
};

describe('the examples of Swagger UI', () => {
  let t: TestApp;
  let operations: Operation[];
  beforeAll(async () => {
    t = await startTestApp({
      env: { REGISTRATION_ENABLED: 'true', STOP_GRACE_SECONDS: '0', SMTP_URL: 'smtp://127.0.0.1:9', SMTP_FROM: 'fog@test.invalid' },
    });
    ({ operations } = await readOpenApi(t.url));
    // The machine of a test may have no DNS; the answer is that of example.com's.
    jest.spyOn(Resolver.prototype, 'resolve4').mockResolvedValue(['93.184.215.14'] as never);
    jest.spyOn(Resolver.prototype, 'resolve6').mockRejectedValue(new Error('ENODATA'));
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    await t?.close();
  });

  const root = async (method: string, path: string, body?: unknown) => {
    const headers = { Authorization: `Bearer ${await t.token('root', { admin: true })}`, 'Content-Type': 'application/json' };
    return send(t.url, { method, path, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  };

  /** Gives the deployment a revision to go back to. */
  const aPrevious = async (id: string): Promise<void> => {
    await root('POST', `/api/deployment/${id}/stop`);
    await root('PATCH', `/api/deployment/${id}`, { container_image: 'nginx:1.28' });
  };

  /** An id for the path of an operation. */
  const idFor = async (path: string, made: ReadonlyMap<string, string>): Promise<string> => {
    if (path.includes('{deployment_id}')) {
      const id = await deployed(t, 'root');
      if (path.includes('restore')) await root('DELETE', `/api/deployment/${id}`);
      if (path.includes('rollback')) await aPrevious(id);
      return id;
    }
    if (path.indexOf('{') === path.indexOf('{name}')) return freshName();
    if (/^\/api\/(auth\/)?users/.test(path)) return t.userId('somebody');
    return made.get(path.split('/{')[0] ?? '') ?? '';
  };

  it('do what the operation does, sent as they stand, and nothing worse', async () => {
    const made = new Map<string, string>();
    const wrong: string[] = [];
    // What makes something comes first, so that there is something to change.
    const withBody = operations
      .filter(({ examples }) => examples.length > 0)
      .sort((a, b) => Number(a.path.includes('{')) - Number(b.path.includes('{')));
    expect(withBody.length).toBeGreaterThan(20);
    const register = withBody.filter(({ path }) => path.endsWith('/register'));
    for (const { name, method, path, examples, responses } of [...register, ...withBody.filter((one) => !register.includes(one))]) {
      for (const example of examples) {
        const address = path
          .replace(/\{[^}]+\}/, await idFor(path, made))
          .replace('{user_id}', await t.userId('somebody'))
          .replace('{name}', freshName());
        const answer = await root(method, address, example);
        const { id } = (answer.text === '' ? {} : JSON.parse(answer.text)) as { id?: string };
        if (id !== undefined && method === 'POST' && !path.includes('{')) made.set(path, id);
        const fits = name in REFUSED ? answer.status === REFUSED[name] : answer.status < 300 && String(answer.status) in responses;
        if (!fits) wrong.push(`${name}: ${String(answer.status)} ${answer.text}`);
      }
    }
    expect(wrong).toEqual([]);
    const [node] = await t.dataSource.query<object[]>(`SELECT labels, cordoned, draining FROM nodes WHERE name = 'edge-7'`);
    expect(node).toEqual({ labels: { rack: '7' }, cordoned: false, draining: false });
  });
});
