import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import request, { type Test } from 'supertest';
import type { DestinationStream } from 'pino';
import { DataSource } from 'typeorm';
import { AccessTokens } from '../../src/auth/access-tokens';
import { API_TOKEN_PREFIX, hashToken, newSecretToken } from '../../src/auth/secret-token';
import type { Clock } from '../../src/common/clock';
import { loadConfig } from '../../src/config/app-config';
import { createApp } from '../../src/create-app';
import { dataSourceOptions } from '../../src/data-source-options';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { TcpProxy } from './tcp-proxy';
import { createTestDatabase, type TestDatabase } from './test-database';

export interface TestAppOptions {
  env?: Record<string, string>;
  clock?: Clock;
  logStream?: DestinationStream;
  /** The application reaches its database through `databaseProxy`. Without it, directly: ten files of tests took 56 s so, 84 with it. */
  cutsDatabase?: boolean;
}

/** What kind of user to make when the name is used for the first time, and which kind of token to use. */
interface TestUser {
  admin?: boolean;
  readOnly?: boolean;
}

type Agent = ReturnType<typeof request.agent>;

export interface TestApp {
  app: NestFastifyApplication;
  /** `http://127.0.0.1:port`. */
  url: string;
  databaseUrl: string;
  /** Between the application and its database, where the test has asked to cut it (`cutsDatabase`). */
  databaseProxy: TcpProxy | null;
  dataSource: DataSource;
  /** Sends requests without a token. */
  http: Agent;
  /** Sends requests as this user, who is made on first use. The user's password is `Correct-Horse-7`, and nobody has logged in with it. */
  as(username: string, user?: TestUser): Agent;
  /** The id of a user; if `as` was not called with the name before, an ordinary user is made. */
  userId(username: string): Promise<string>;
  /** A bearer token, as `as` sends it. */
  token(username: string, user?: TestUser): Promise<string>;
  /** Ends the application, checks the invariants of the database, and removes it. */
  close(): Promise<void>;
}

/** Of `Correct-Horse-7`, at our cost. */
const HASH_OF_PASSWORD = '$argon2id$v=19$m=19456,t=2,p=1$+ZwSoVK5z297P1eLoAvIyg$kEVHaxWb4NnK5hXT/+75r4MmjB6d4yJyvZZtxJ25ZgE';

/** The environment of every application in a test. */
export const TEST_ENV = {
  PORT: '0',
  RUNTIME: 'simulated',
  SIMULATED_DELAY_MS: '0',
  LOG_LEVEL: 'silent',
  LOAD_BALANCER: 'none',
  RATE_LIMIT_PER_MINUTE: '0',
  AUTH_RATE_LIMIT_PER_MINUTE: '0',
  REGISTRATION_ENABLED: 'true',
  REGISTRATION_QUOTA: 'none',
  MAX_DEPLOYMENTS_PER_USER: '0',
  MAX_REPLICAS_PER_USER: '0',
  JWT_SECRET: 'a-secret-of-the-tests-and-of-nobody-else',
  ENCRYPTION_KEY: Buffer.alloc(32, 'k').toString('base64'),
};

/** The whole application over HTTP on a database of its own, with the simulated runtime and without rate limits. */
export async function startTestApp({ env = {}, clock, logStream, cutsDatabase = false }: TestAppOptions = {}): Promise<TestApp> {
  const database = await createTestDatabase();
  const databaseProxy = cutsDatabase ? await TcpProxy.to(database.url) : null;
  let app: NestFastifyApplication | undefined;
  try {
    const config = loadConfig({ ...TEST_ENV, DATABASE_URL: (databaseProxy ?? database).url, ...env });
    app = await createApp(config, { ...(clock ? { clock } : {}), ...(logStream ? { logStream } : {}) });
    await app.listen(0, '127.0.0.1');
    return await testApp(app, { database, databaseProxy });
  } catch (error) {
    await app?.close();
    databaseProxy?.close();
    await database.drop();
    throw error;
  }
}

async function testApp(
  app: NestFastifyApplication,
  { database, databaseProxy }: { database: TestDatabase; databaseProxy: TcpProxy | null },
): Promise<TestApp> {
  const dataSource = app.get(DataSource);
  const users = new TestUsers(dataSource, app.get(AccessTokens, { strict: false }));
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  return {
    app,
    url,
    databaseUrl: database.url,
    databaseProxy,
    dataSource,
    http: request.agent(url),
    as: (username, user = {}) => agentWith(url, users.token(username, user)),
    userId: (username) => users.id(username),
    token: (username, user = {}) => users.token(username, user),
    close: async () => {
      await app.close();
      databaseProxy?.close();
      await checkDatabase(database);
    },
  };
}

/** Runs on a connection of its own after the application has ended, so that nothing changes any more. */
async function checkDatabase(database: TestDatabase): Promise<void> {
  const dataSource = await new DataSource(dataSourceOptions({ url: database.url, poolSize: 2 })).initialize();
  try {
    const violations = await checkInvariants(dataSource, { graceSeconds: 30 });
    if (violations.length > 0) throw new Error(`Broken invariants:\n${JSON.stringify(violations, null, 2)}`);
  } finally {
    await dataSource.destroy();
    await database.drop();
  }
}

/** An agent whose requests wait until their token exists, so that a test can write `t.as('ada').get(...)`. */
function agentWith(url: string, token: Promise<string>): Agent {
  token.catch(() => undefined); // reported by the request that needs it
  const agent = request.agent(url);
  agent.use((test: Test) => {
    const end = test.end.bind(test);
    test.end = (callback) => {
      const fail = (error: unknown): void => callback?.(error, undefined as never);
      token.then((bearer) => end.call(test.set('Authorization', `Bearer ${bearer}`), callback), fail);
      return test;
    };
  });
  return agent;
}

/** Makes users by SQL and signs their tokens itself: argon2 would cost each test file seconds. */
class TestUsers {
  private readonly ids = new Map<string, Promise<string>>();
  private readonly tokens = new Map<string, Promise<string>>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly accessTokens: AccessTokens,
  ) {}

  id(username: string, { admin = false }: TestUser = {}): Promise<string> {
    return remember(this.ids, username, async () => {
      const [{ id }] = await this.dataSource.query<[{ id: string }]>(
        `INSERT INTO users (username, email, password_hash, is_admin) VALUES ($1, $1 || '@test.example', $3, $2) RETURNING id`,
        [username.toLowerCase(), admin, HASH_OF_PASSWORD],
      );
      return id;
    });
  }

  token(username: string, user: TestUser): Promise<string> {
    return remember(this.tokens, `${username} ${String(user.readOnly ?? false)}`, async () => {
      const userId = await this.id(username, user);
      return user.readOnly ? this.readOnlyToken(userId) : this.sessionToken(userId);
    });
  }

  private async sessionToken(userId: string): Promise<string> {
    const [{ id }] = await this.dataSource.query<[{ id: string }]>(
      `INSERT INTO sessions (user_id, expires_at) VALUES ($1, now() + interval '1 day') RETURNING id`,
      [userId],
    );
    return this.accessTokens.issue(userId, id);
  }

  private async readOnlyToken(userId: string): Promise<string> {
    const token = newSecretToken(API_TOKEN_PREFIX);
    await this.dataSource.query(
      `INSERT INTO api_tokens (user_id, name, token_hash, prefix, read_only, expires_at) VALUES ($1, 'test', $2, 'fog_test', true, now() + interval '1 day')`,
      [userId, hashToken(token)],
    );
    return token;
  }
}

function remember<T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = map.get(key);
  if (known) return known;
  const made = make();
  map.set(key, made);
  made.catch(() => map.delete(key));
  return made;
}
