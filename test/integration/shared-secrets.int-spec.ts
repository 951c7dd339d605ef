import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { changeSecrets } from '../../src/change-secrets';
import { encryptionSecret } from '../../src/common/crypto/encryption-key';
import { SecretBox } from '../../src/common/crypto/secret-box';
import { loadConfig, type AppConfig } from '../../src/config/app-config';
import { envContext } from '../../src/deployments/spec/container-vault';
import { kubeconfigContext } from '../../src/engines/kubeconfig';
import { announceReading, announceSealing, endSealing } from '../../src/database/announced-keys';
import { KeyInUse } from '../../src/database/key-in-use';
import { PubSub } from '../../src/database/pub-sub';
import { changingAlone, replaceFingerprint, requireSharedSecrets } from '../../src/database/shared-secrets';
import { WebhookSecrets } from '../../src/notifications/webhook/webhook-secrets';
import { registryContext } from '../../src/secrets/registry-credentials';
import { secretContext } from '../../src/secrets/secret-values';
import { SEALED_COLUMNS } from '../../src/sealed-columns';
import { sharedSecrets } from '../../src/program-secrets';
import { StoredClusterAccesses } from '../../src/runtime/kubernetes/stored-cluster-accesses';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

const boxOf = (key: string): SecretBox => new SecretBox(Buffer.from(key, 'base64'));
/** Columns of bytes that ENCRYPTION_KEY does not encrypt. */
const OTHER_BYTES = [
  ...['audit_chain.hash', 'idempotency_keys.answer_sealed', 'known_addresses.hash', 'known_addresses.name_hash'],
  ...['login_failures.name_hash', 'node_agents.next_public_key', 'node_agents.public_key'],
  ...['shared_secrets.fingerprint', 'shared_secrets.previous'],
];
/** A process that noticed nothing would be waited for this long. */
const PATIENCE = { noticeMs: 500, settleMs: 100 };
const aKey = (): string => randomBytes(32).toString('base64');

describe('secrets that all processes share', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let folder: string;
  beforeEach(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 3);
    folder = mkdtempSync(join(tmpdir(), 'fog-secrets-'));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await dataSource?.destroy();
    await database?.drop();
  });

  const given = { ENCRYPTION_KEY: aKey(), JWT_SECRET: 'x'.repeat(40) };
  const aProcess = (env: NodeJS.ProcessEnv, dataDir = 'one'): AppConfig => loadConfig({ DATA_DIR: join(folder, dataDir), ...env });
  /** What the command says with the configuration of `given` and another key. */
  const change = async (env: NodeJS.ProcessEnv): Promise<string[]> => {
    const words: string[] = [];
    await changeSecrets(dataSource, { config: aProcess(env), say: (text) => words.push(text), patience: PATIENCE });
    return words;
  };
  const start = (config: AppConfig): Promise<void> => requireSharedSecrets(dataSource, sharedSecrets(config));

  it('are noted at the first start, and every process with the same ones starts', async () => {
    await start(aProcess(given));
    await start(aProcess(given, 'two'));
    await start(aProcess(given));
  });

  it.each([
    ['JWT_SECRET', 'signing secret', 'y'.repeat(40)],
    ['ENCRYPTION_KEY', 'encryption key', aKey()],
  ])('refuse a process with another %s, by name', async (variable, name, other) => {
    await start(aProcess(given));
    const refused = start(aProcess({ ...given, [variable]: other }));
    await expect(refused).rejects.toThrow(`The ${name} in ${variable} is not the one that this database is used with`);
  });

  it('are not made anew by a second process without any: it is told to take those of the first', async () => {
    await start(aProcess({}));
    const second = start(aProcess({}, 'two'));
    await expect(second).rejects.toThrow(/encryption key is missing[^]*signing secret is missing/);
    await expect(second).rejects.toThrow(join(folder, 'two', 'jwt-secret'));
    expect(existsSync(join(folder, 'two'))).toBe(false);
    await start(aProcess({}));
  });

  it('are decided by one of two processes that start at once', async () => {
    const both = [aProcess(given), aProcess({ ENCRYPTION_KEY: aKey(), JWT_SECRET: 'z'.repeat(40) })];
    const ended = await Promise.allSettled(both.map(start));
    expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await Promise.all(both.filter((_config, index) => ended[index]?.status === 'fulfilled').map(start));
    const [{ count } = { count: '' }] = await dataSource.query<{ count: string }[]>(`SELECT count(*) FROM shared_secrets`);
    expect(count).toBe('2');
  });

  it('can be changed on purpose, and the secrets of webhooks are encrypted anew', async () => {
    const before = aProcess(given);
    await start(before);
    const secrets = new WebhookSecrets(new SecretBox(Buffer.from(given.ENCRYPTION_KEY, 'base64')));
    const { id, shown } = await aWebhook(secrets);
    const next = { ENCRYPTION_KEY: aKey(), JWT_SECRET: 'n'.repeat(40) };
    const after = aProcess(next);

    const words = await change({ ...next, ENCRYPTION_KEY_PREVIOUS: given.ENCRYPTION_KEY });
    expect(words).toEqual([
      expect.stringMatching(/^The encryption key is changed/),
      '1 secrets of webhooks were encrypted anew.',
      expect.stringMatching(/ENCRYPTION_KEY_PREVIOUS can be taken away from all processes/),
      expect.stringMatching(/^The signing secret/),
    ]);
    await start(after);
    await expect(start(before)).rejects.toThrow(/is not the one/);
    const opener = new WebhookSecrets(boxOf(next.ENCRYPTION_KEY));
    expect(opener.open(await targetOf(id))).toEqual([shown]);
    expect(await change(next)).toEqual([expect.stringMatching(/^Nothing to do/)]);
  });

  it('can be given up: what cannot be read is counted, and stays', async () => {
    await start(aProcess(given));
    const secrets = new WebhookSecrets(new SecretBox(Buffer.from(given.ENCRYPTION_KEY, 'base64')));
    const { id, shown } = await aWebhook(secrets);
    const words = await change({ ...given, ENCRYPTION_KEY: aKey() });
    expect(words.join(' ')).toMatch(/ 1 secrets of webhooks could not be read/);
    expect(secrets.open(await targetOf(id))).toEqual([shown]);
  });

  it('can be changed under the kubeconfigs of clusters, of which what no key opens is told and stays', async () => {
    await start(aProcess(given));
    const boxes = { before: boxOf(given.ENCRYPTION_KEY), unknown: boxOf(aKey()) };
    const [known, lost, inCluster] = [await aCluster(boxes.before), await aCluster(boxes.unknown), await aCluster(null)];
    const after = aProcess({ ...given, ENCRYPTION_KEY: aKey() });

    const words = await change({ ...given, ENCRYPTION_KEY: after.ENCRYPTION_KEY, ENCRYPTION_KEY_PREVIOUS: given.ENCRYPTION_KEY });
    expect(words.join(' ')).toMatch(/1 kubeconfigs were encrypted anew\..* 1 kubeconfigs could not be read/);
    const accesses = new StoredClusterAccesses(dataSource, boxOf(after.ENCRYPTION_KEY ?? ''), { ofMachine: false });
    expect(await accesses.of(known)).toMatchObject({ version: 1, access: { kubeconfig: 'a kubeconfig' } });
    expect(await accesses.of(inCluster)).toMatchObject({ version: 1, access: { kubeconfig: null } });
    await expect(accesses.of(lost)).rejects.toThrow(/cannot be decrypted: register it again/);
    expect(await new StoredClusterAccesses(dataSource, boxes.unknown, { ofMachine: false }).of(lost)).toMatchObject({ version: 1 });
    await expect(new StoredClusterAccesses(dataSource, boxes.before, { ofMachine: false }).of(known)).rejects.toThrow(
      /cannot be decrypted/,
    );
  });

  it('can be changed under everything else that is encrypted, however much it is', async () => {
    await start(aProcess(given));
    const before = boxOf(given.ENCRYPTION_KEY);
    const projectId = await aUser(dataSource);
    const deploymentId = await aDeployment(dataSource, { user_id: projectId });
    const spec = { image: 'nginx:1', envNames: ['A'] };
    for (let number = 2; number <= 602; number++) {
      const sealed = before.seal(`env ${number}`, envContext(deploymentId));
      await dataSource.query(`INSERT INTO deployment_revisions (deployment_id, number, spec, env_sealed) VALUES ($1, $2, $3, $4)`, [
        deploymentId,
        number,
        spec,
        sealed,
      ]);
    }
    await dataSource.query(`INSERT INTO project_secrets (project_id, name, sealed, bytes) VALUES ($1, 'a', $2, 1)`, [
      ...[projectId, before.seal('a secret', secretContext(projectId, 'a'))],
    ]);
    const registryId = randomUUID();
    await dataSource.query(`INSERT INTO registries (id, name, server, username, sealed) VALUES ($1, 'r', 'ghcr.io', 'u', $2)`, [
      ...[registryId, before.seal('a password', registryContext(registryId))],
    ]);
    const after = aProcess({ ...given, ENCRYPTION_KEY: aKey() });

    const words = await change({ ...given, ENCRYPTION_KEY: after.ENCRYPTION_KEY, ENCRYPTION_KEY_PREVIOUS: given.ENCRYPTION_KEY });

    expect(words.join(' ')).toMatch(/601 environments of revisions .*1 secrets of projects .*1 passwords of registries/);
    const now = boxOf(after.ENCRYPTION_KEY ?? '');
    const rows = await dataSource.query<{ number: number; sealed: Buffer }[]>(
      `SELECT number, env_sealed AS sealed FROM deployment_revisions WHERE deployment_id = $1 AND env_sealed IS NOT NULL`,
      [deploymentId],
    );
    expect(rows.every(({ number, sealed }) => now.open(sealed, envContext(deploymentId)) === `env ${number}`)).toBe(true);
    const [{ secret, password } = { secret: null, password: null }] = await dataSource.query<{ secret: Buffer; password: Buffer }[]>(
      `SELECT (SELECT sealed FROM project_secrets) AS secret, (SELECT sealed FROM registries) AS password`,
    );
    expect(now.open(secret!, secretContext(projectId, 'a'))).toBe('a secret');
    expect(now.open(password!, registryContext(registryId))).toBe('a password');
  });

  it('encrypt no column that a change of the key would forget', async () => {
    const columns = await dataSource.query<{ name: string }[]>(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'bytea' ORDER BY 1`,
    );
    // Hashes and fingerprints, and answers that the key of a client encrypts.
    const others = columns
      .map(({ name }) => name)
      .filter((name) => !SEALED_COLUMNS.some(({ table, column }) => name === `${table}.${column}`));
    expect(others).toEqual([...OTHER_BYTES]);
    expect(columns.length - others.length).toBe(SEALED_COLUMNS.length);
  });

  it('stay as they are when the previous key is none, or another one', async () => {
    await start(aProcess(given));
    await expect(change({ ...given, ENCRYPTION_KEY: aKey(), ENCRYPTION_KEY_PREVIOUS: 'short' })).rejects.toThrow(
      'ENCRYPTION_KEY_PREVIOUS must be 32 bytes in base64',
    );
    await expect(change({ ...given, ENCRYPTION_KEY: aKey(), ENCRYPTION_KEY_PREVIOUS: aKey() })).rejects.toThrow(
      'ENCRYPTION_KEY_PREVIOUS is not the key that the database is used with',
    );
    await start(aProcess(given));
  });

  it('let processes start with the next key beside the present one, and refuse those that lack one while it is being changed', async () => {
    await start(aProcess(given));
    const [next, other] = [aKey(), aKey()];
    const both = { ...given, ENCRYPTION_KEY: next, ENCRYPTION_KEY_PREVIOUS: given.ENCRYPTION_KEY };
    await start(aProcess(both));
    await start(aProcess(given));

    // As a change leaves it that was broken off.
    const [noted] = await dataSource.query<{ fingerprint: Buffer }[]>(
      `SELECT fingerprint FROM shared_secrets WHERE variable = 'ENCRYPTION_KEY'`,
    );
    await change(both);
    await dataSource.query(`UPDATE shared_secrets SET previous = $1 WHERE variable = 'ENCRYPTION_KEY'`, [noted?.fingerprint]);
    await start(aProcess(both));
    await expect(start(aProcess({ ...given, ENCRYPTION_KEY: next }))).rejects.toThrow(/is being changed: .* ENCRYPTION_KEY_PREVIOUS/);
    await expect(start(aProcess(given))).rejects.toThrow(/is not the one/);
    await expect(change({ ...both, ENCRYPTION_KEY_PREVIOUS: other })).rejects.toThrow(/is not the key/);
    await expect(change({ ...given, ENCRYPTION_KEY: other, ENCRYPTION_KEY_PREVIOUS: next })).rejects.toThrow(/is not complete/);

    // Back, or on.
    expect((await change({ ...given, ENCRYPTION_KEY_PREVIOUS: next })).at(-1)).toMatch(/can be taken away/);
    expect((await change(both)).at(-1)).toMatch(/can be taken away/);
    await start(aProcess({ ...given, ENCRYPTION_KEY: next }));
  });

  it('are not changed while a process could not read with the new one, and are waited for until none uses the old one', async () => {
    await start(aProcess(given));
    const both = { ...given, ENCRYPTION_KEY: aKey(), ENCRYPTION_KEY_PREVIOUS: given.ENCRYPTION_KEY };
    const [old, next] = [boxOf(given.ENCRYPTION_KEY).sealsWith, boxOf(both.ENCRYPTION_KEY).sealsWith];
    const session = dataSource.createQueryRunner();
    await announceReading(session, [old]);
    await announceSealing(session, old);
    await expect(change(both)).rejects.toThrow(/^1 process is running without the new key/);
    await expect(change({ ...given, ENCRYPTION_KEY: both.ENCRYPTION_KEY })).rejects.toThrow(
      /^1 process is running, and the key of before is missing/,
    );
    await start(aProcess(given));

    await announceReading(session, [next]);
    await expect(change(both)).rejects.toThrow(/^1 process is still encrypting with the key of before/);
    await expect(start(aProcess(given))).rejects.toThrow(/is not the one/);
    await announceSealing(session, next);
    await endSealing(session, old);
    expect((await change(both)).at(-1)).toMatch(/can be taken away/);
    await session.query(`SELECT pg_advisory_unlock_all()`);
    await session.release();
  });

  it('are changed by one command at a time', async () => {
    await start(aProcess(given));
    const both = { ...given, ENCRYPTION_KEY: aKey(), ENCRYPTION_KEY_PREVIOUS: given.ENCRYPTION_KEY };
    await changingAlone(dataSource, () =>
      expect(change(both)).rejects.toThrow('Another `npm run secrets:change` is running on this database. Wait until it has ended.'),
    );
    expect((await change(both)).at(-1)).toMatch(/can be taken away/);
  });

  it('are not used any more by a process that was not seen while they were changed, until they are as it has them', async () => {
    const own = aProcess(given);
    await start(own);
    const pubSub = new PubSub(dataSource);
    const box = boxOf(given.ENCRYPTION_KEY);
    const keyInUse = new KeyInUse(own, dataSource, pubSub, box);
    await keyInUse.onModuleInit();
    box.seal('as ever', 'here');

    const next = aProcess({ ...given, ENCRYPTION_KEY: aKey() });
    const breakConnection = (): Promise<unknown> =>
      dataSource.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE application_name = 'fog-compute-listen' AND datname = current_database()`);
    await replaceFingerprint(dataSource.manager, encryptionSecret(next), null);
    await breakConnection();
    await until(() => !box.canSeal);
    expect(() => box.seal('lost', 'here')).toThrow('The encryption key was changed, and this process does not have the new one');
    await replaceFingerprint(dataSource.manager, encryptionSecret(own), null);
    await breakConnection();
    await until(() => box.canSeal);

    keyInUse.onModuleDestroy();
    await pubSub.onApplicationShutdown();
  });

  async function aWebhook(secrets: WebhookSecrets): Promise<{ id: string; shown: string }> {
    const id = randomUUID();
    const { shown, sealed } = secrets.issue(id);
    await dataSource.query(
      `INSERT INTO subscriptions (id, user_id, kind, url, secret_sealed) VALUES ($1, $2, 'webhook', 'https://example.org/', $3)`,
      [id, await aUser(dataSource), sealed],
    );
    return { id, shown };
  }

  async function aCluster(box: SecretBox | null): Promise<string> {
    const id = await aNode(dataSource, { runtime: 'kubernetes' });
    await dataSource.query(`INSERT INTO node_clusters (node_id, kubeconfig, namespace) VALUES ($1, $2, 'fog')`, [
      ...[id, box?.seal('a kubeconfig', kubeconfigContext(id)) ?? null],
    ]);
    return id;
  }

  async function targetOf(id: string): Promise<Parameters<WebhookSecrets['open']>[0]> {
    const [row] = await dataSource.query<{ sealed: Buffer }[]>(`SELECT secret_sealed AS sealed FROM subscriptions WHERE id = $1`, [id]);
    return { id, url: null, email: '', secretSealed: row?.sealed ?? null, previousSecretSealed: null };
  }
});
