import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { Audit } from '../../src/audit/audit';
import { AdminBootstrap } from '../../src/auth/admin-bootstrap';
import { PasswordHasher } from '../../src/auth/password-hasher';
import { purgeExpiredCredentials } from '../../src/auth/purge-expired-credentials';
import { signingKey } from '../../src/auth/signing-key';
import { UsersRepository } from '../../src/auth/users.repository';
import { loadConfig } from '../../src/config/app-config';
import { inTransaction } from '../../src/database/transaction';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

let database: TestDatabase;
let dataSource: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = await openDataSource(database.url);
});
afterAll(async () => {
  await dataSource?.destroy();
  await database?.drop();
});
beforeEach(() => dataSource.query('DELETE FROM users'));

const ada = () =>
  inTransaction(dataSource, (tx) =>
    new UsersRepository(dataSource).insert(tx, { username: 'ada', email: 'ada@example.org', passwordHash: 'x' }),
  );

describe('AdminBootstrap', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'fog-admin-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  const bootstrap = (env: Record<string, string> = {}) =>
    new AdminBootstrap(
      dataSource,
      new UsersRepository(dataSource),
      new PasswordHasher(),
      loadConfig({ DATABASE_URL: database.url, DATA_DIR: dataDir, ...env }),
      new Audit(dataSource),
    );
  const administrators = () =>
    dataSource.query<{ username: string; password_hash: string }[]>('SELECT username, password_hash FROM users WHERE is_admin');

  it('makes one administrator with a password in a file of its own, whoever else starts at the same time', async () => {
    const made = await Promise.all([1, 2, 3].map(() => bootstrap().ensureAdministrator()));
    const [admin, ...others] = made.filter((result) => result !== null);
    expect(others).toEqual([]);
    const path = join(dataDir, 'admin-password');
    expect(admin).toEqual({ username: 'admin', passwordFile: path });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const password = readFileSync(path, 'utf8');
    expect(password).toMatch(/^[A-Za-z0-9_-]{24}\n$/);
    const [row] = await administrators();
    const isRight = await new PasswordHasher().inSlot(({ verify }) => verify(row?.password_hash ?? null, password.trim()));
    expect(isRight).toBe(true);
    expect(await bootstrap().ensureAdministrator()).toBeNull();
    expect(await administrators()).toHaveLength(1);
  });

  it('takes the name and the password of the configuration and does not write the password down', async () => {
    const made = await bootstrap({ ADMIN_USERNAME: 'Root', ADMIN_PASSWORD: 'Configured-Pass-1' }).ensureAdministrator();
    expect(made).toEqual({ username: 'root', passwordFile: null });
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('gives it the address of the configuration, else one that no mail reaches', async () => {
    const address = async (env: Record<string, string>) => {
      await dataSource.query('DELETE FROM users');
      await bootstrap(env).ensureAdministrator();
      return dataSource.query<unknown[]>('SELECT email FROM users');
    };
    expect(await address({ ADMIN_EMAIL: 'Ops@Example.org' })).toEqual([{ email: 'ops@example.org' }]);
    expect(await address({})).toEqual([{ email: 'admin@admin.invalid' }]);
  });

  it('makes none whose password cannot be written down, and says what helps', async () => {
    writeFileSync(join(dataDir, 'file'), '');
    const attempt = bootstrap({ DATA_DIR: join(dataDir, 'file') }).ensureAdministrator();
    await expect(attempt).rejects.toThrow(/admin-password .*Set ADMIN_PASSWORD/);
    expect(await administrators()).toEqual([]);
  });

  it('leaves an installation with users alone', async () => {
    await ada();
    expect(await bootstrap().ensureAdministrator()).toBeNull();
    expect(await administrators()).toEqual([]);
  });
});

describe('PasswordHasher', () => {
  it('hashes with the cost of the dummy hash, so that an unknown user takes the same time', async () => {
    const { hash, dummy } = await new PasswordHasher().inSlot(async (argon2) => ({
      hash: await argon2.hash('Correct-Horse-7'),
      dummy: await argon2.verify(null, 'Correct-Horse-7'),
    }));
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(dummy).toBe(false);
  });

  it('reads a long password to its end', async () => {
    const long = 'Aa1'.padEnd(100, 'x');
    const isRight = await new PasswordHasher().inSlot(async ({ hash, verify }) => verify(await hash(long), `${long.slice(0, 99)}y`));
    expect(isRight).toBe(false);
  });

  it('turns the rest of a storm away instead of queueing it without end', async () => {
    const hasher = new PasswordHasher();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const held = Array.from({ length: 66 }, () => hasher.inSlot(() => gate));
    await expect(hasher.inSlot(() => gate)).rejects.toMatchObject({ code: 'try_again', extensions: { retryAfterSeconds: 5 } });
    release();
    await Promise.all(held);
    await hasher.inSlot(() => Promise.resolve());
  });
});

describe('signingKey', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fog-key-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps a secret of its own, for the owner only, and finds it again', () => {
    const dataDir = join(folder, 'new');
    const first = signingKey({ DATA_DIR: dataDir });
    expect(first.symmetricKeySize).toBeGreaterThanOrEqual(32);
    expect(statSync(join(dataDir, 'jwt-secret')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['jwt-secret']);
    expect(signingKey({ DATA_DIR: dataDir }).equals(first)).toBe(true);
    expect(signingKey({ DATA_DIR: folder }).equals(first)).toBe(false);
  });

  it('prefers JWT_SECRET and writes nothing then', () => {
    const secret = 'x'.repeat(32);
    expect(signingKey({ DATA_DIR: folder, JWT_SECRET: secret }).export().toString()).toBe(secret);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not start with a kept secret that is too short', () => {
    writeFileSync(join(folder, 'jwt-secret'), 'short');
    expect(() => signingKey({ DATA_DIR: folder })).toThrow(/too short/);
  });
});

describe('purgeExpiredCredentials', () => {
  const user = async (): Promise<string> => (await ada()).id;

  it('removes what ended a while ago and keeps the rest', async () => {
    const id = await user();
    await dataSource.query(
      `WITH s AS (
         INSERT INTO sessions (user_id, expires_at, revoked_at)
         VALUES ($1, now() + interval '1 day', NULL), ($1, now() - interval '2 days', NULL), ($1, now() + interval '1 day', now() - interval '2 days'),
                ($1, now() - interval '1 hour', NULL)
         RETURNING id, expires_at, revoked_at)
       INSERT INTO refresh_tokens (token_hash, session_id, used_at)
       SELECT kind || s.id, s.id, CASE kind WHEN 'old' THEN now() - interval '8 days' WHEN 'new' THEN now() END
         FROM s CROSS JOIN (VALUES ('old'), ('new'), ('unused')) k (kind)`,
      [id],
    );
    await dataSource.query(
      `INSERT INTO api_tokens (user_id, name, token_hash, prefix, expires_at, revoked_at)
       VALUES ($1, 'live', 'a', 'fog_', now() + interval '1 day', NULL), ($1, 'just expired', 'b', 'fog_', now() - interval '1 day', NULL),
              ($1, 'expired', 'c', 'fog_', now() - interval '31 days', NULL), ($1, 'revoked', 'd', 'fog_', now() + interval '1 day', now() - interval '2 days')`,
      [id],
    );
    await dataSource.query(
      `INSERT INTO login_failures (name_hash, failures, locked_until)
       VALUES ('old', 4, now() - interval '25 hours'), ('recent', 4, now() - interval '23 hours'), ('locked', 5, now() + interval '1 hour')`,
    );
    expect(await purgeExpiredCredentials(dataSource.manager)).toBe(7);
    expect(await purgeExpiredCredentials(dataSource.manager)).toBe(0);
    const [counts] = await dataSource.query<[unknown]>(
      `SELECT (SELECT count(*)::int FROM sessions) AS sessions, (SELECT count(*)::int FROM refresh_tokens) AS refresh_tokens,
              (SELECT array_agg(name ORDER BY name) FROM api_tokens) AS api_tokens,
              (SELECT count(*)::int FROM login_failures) AS login_failures`,
    );
    expect(counts).toEqual({ sessions: 2, refresh_tokens: 4, api_tokens: ['just expired', 'live'], login_failures: 2 });
  });
});
