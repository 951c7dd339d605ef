import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { freePort, RunningProgram } from '../support/program';
import { until } from '../support/until';

const JWT_SECRET = 'a-secret-of-the-tests-and-of-nobody-else';

describe('the program', () => {
  let database: TestDatabase;
  let program: RunningProgram | undefined;
  let dataDir: string;
  beforeEach(async () => {
    database = await createTestDatabase();
    dataDir = mkdtempSync(join(tmpdir(), 'fog-program-'));
  });
  afterEach(async () => {
    program?.kill();
    await database?.drop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('prints what a person needs, answers the requests it has when SIGTERM comes, and ends with code 0 within 10 s', async () => {
    const port = await freePort();
    program = RunningProgram.start({
      ...{ DATABASE_URL: database.url, DATA_DIR: dataDir, PORT: String(port) },
      ...{ JWT_SECRET, SIMULATED_DELAY_MS: '1500' },
    });
    await program.ready();
    const url = `http://127.0.0.1:${String(port)}`;
    expect(program.output).toMatch(
      new RegExp(
        `Swagger UI\\s+${url}/docs[\\s\\S]*simulated[\\s\\S]*Administrator\\s+admin, password in \\S+/admin-password[\\s\\S]*curl`,
      ),
    );

    const password = readFileSync(join(dataDir, 'admin-password'), 'utf8').trim();
    expect(program.output).not.toContain(password);
    const login = await request(url).post('/api/auth/login').send({ username: 'admin', password }).expect(200);
    const { access_token: token } = login.body as { access_token: string };
    const as = (call: request.Test): request.Test => call.set('Authorization', `Bearer ${token}`);
    const spec = { name: 'last', type: 'compute', container_image: 'nginx:1.27', resources: { cpu: 0.5, memory: 512 } };
    const { body } = await as(request(url).post('/api/deployment/deploy')).send(spec).expect(202);
    const path = `/api/deployment/${(body as { deployment_id: string }).deployment_id}`;
    await until(async () => (await as(request(url).get(`/api/deployment/list?status=running`))).text.includes('last'));

    const inFlight = as(request(url).delete(`${path}?wait=20`)).then(({ status }) => status);
    await until(async () => (await as(request(url).get('/api/deployment/list'))).text === '[]', { what: 'the deletion to be decided' });
    const begin = performance.now();
    program.signal('SIGTERM');
    const readiness = (): Promise<number | 'refused'> =>
      fetch(`${url}/health/ready`).then(
        ({ status }) => status,
        () => 'refused' as const,
      );
    // 503 for some milliseconds, which a busy machine may miss; nothing is ready after it.
    await until(async () => (await readiness()) !== 200, { everyMs: 10, what: 'it not to be ready any more' });
    expect([503, 'refused']).toContain(await readiness());
    expect([200, 202]).toContain(await inFlight);
    expect(await program.exitCode()).toBe(0);
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  it('prints the addresses of PUBLIC_URL and not its own, which people behind a proxy cannot reach', async () => {
    const port = await freePort();
    program = RunningProgram.start({
      ...{ DATABASE_URL: database.url, DATA_DIR: dataDir, PORT: String(port), JWT_SECRET },
      ...{ PUBLIC_URL: 'https://fog.example.org/fog', LOG_LEVEL: 'warn' },
    });
    await program.ready();
    const addresses = ['/docs', '/api/auth/login', '/api/deployment/deploy'].map((path) => `https://fog.example.org/fog${path} `);
    for (const address of addresses) expect(program.output.replaceAll('\n', ' \n')).toContain(address);
    expect(program.output).not.toContain(`:${String(port)}`);
  });

  it('names every fault of its configuration at once', async () => {
    program = RunningProgram.start({ PORT: '99999', LOG_LEVEL: 'loud', RUNTIME: 'magic' });
    expect(await program.exitCode()).toBe(1);
    expect(program.output).toContain('could not start');
    for (const name of ['PORT', 'RUNTIME', 'LOG_LEVEL']) expect(program.output).toMatch(new RegExp(`^ +${name} `, 'm'));
    expect(program.output).not.toMatch(/ at .*\.ts:|node_modules/);
  });

  it('says in words that its port is in use, before anything is made', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    program = RunningProgram.start({ DATABASE_URL: database.url, PORT: String(port), JWT_SECRET });
    expect(await program.exitCode()).toBe(1);
    expect(program.output).toMatch(new RegExp(`Port ${String(port)} on 127.0.0.1 is in use`));
    expect(program.output).not.toMatch(/Administrator| at .*\.ts:/);
    other.close();
  });

  it('says in words that its database cannot be reached, without the password', async () => {
    program = RunningProgram.start({ DATABASE_URL: 'postgres://fog:hunter2@127.0.0.1:1/fog', PORT: String(await freePort()), JWT_SECRET });
    expect(await program.exitCode()).toBe(1);
    expect(program.output).toMatch(/The database at 127\.0\.0\.1:1\/fog cannot be used .*Check DATABASE_URL/);
    expect(program.output).not.toMatch(/hunter2| at .*\.ts:/);
  });
});
