import { ContainerVault, storedContainerOf, type StoredContainer } from '../../src/deployments/spec/container-vault';
import { SecretBox } from '../../src/common/crypto/secret-box';
import { SealingState } from '../../src/database/sealing-state';
import { SEALED_AT_ONCE, sealPlainEnv } from '../../src/deployments/seal-plain-env';
import { change } from '../support/changes';
import { deploy } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

const ENV = { TOKEN: 'canary-of-sealed-env', GREETING: 'hello' };

describe('values of env in the database', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const rowsOf = (id: string) =>
    t.dataSource.query<{ number: number; text: string; sealed: boolean; stored: StoredContainer }[]>(
      `SELECT number, to_jsonb(v)::text AS text, env_sealed IS NOT NULL AS sealed, ${storedContainerOf('v')} AS stored
         FROM deployment_revisions AS v WHERE deployment_id = $1 ORDER BY number`,
      [id],
    );
  const envOf = async (id: string) => {
    const vault = t.app.get(ContainerVault, { strict: false });
    return (await rowsOf(id)).map(({ stored }) => vault.open(stored, id).env);
  };
  const shown = async (id: string) => {
    const { body } = await t.as('ada').get(`/api/deployment/${id}`).expect(200);
    const { env_names, env_hashes, spec_hash } = body as Record<string, unknown>;
    return { env_names, env_hashes, spec_hash };
  };
  const pastTheGuard = (statement: string, values: unknown[]) =>
    t.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL session_replication_role = replica`);
      await tx.query(statement, values);
    });
  /** As a process of before has written it. */
  const storePlain = (id: string) =>
    pastTheGuard(
      `UPDATE deployment_revisions SET env_sealed = NULL, spec = spec - 'envNames' || jsonb_build_object('env', $2::jsonb) WHERE deployment_id = $1`,
      [id, JSON.stringify(ENV)],
    );
  const seal = () => sealPlainEnv(t.dataSource.manager, t.app.get(SecretBox));

  it('are encrypted in every revision, and a change sees them', async () => {
    const id = await deploy(t, 'ada', { env: ENV });
    await change(t, 'ada', id, { env: { GREETING: 'hi', MORE: '1' } }).expect(202);
    const rows = await rowsOf(id);
    expect(rows.map(({ sealed, text }) => [sealed, text.includes('canary')])).toEqual([
      [true, false],
      [true, false],
    ]);
    expect(await envOf(id)).toEqual([ENV, { TOKEN: ENV.TOKEN, GREETING: 'hi', MORE: '1' }]);
    const same = await change(t, 'ada', id, { env: { MORE: '1' } }).expect(200);
    expect((same.body as { result: string }).result).toBe('unchanged');
  });

  it('are read where they are not encrypted yet, and mean the same afterwards', async () => {
    const id = await deploy(t, 'ada', { env: ENV });
    const before = await shown(id);
    expect(before.env_names).toEqual(['GREETING', 'TOKEN']);
    await storePlain(id);
    expect(await shown(id)).toEqual(before);
    expect(await seal()).toBe(1);
    expect(await seal()).toBe(0);
    const [row] = await rowsOf(id);
    expect(row).toMatchObject({ sealed: true });
    expect(row!.text).not.toContain('canary');
    expect(await envOf(id)).toEqual([ENV]);
    expect(await shown(id)).toEqual(before);
  });

  it('are encrypted in batches, and what is forgotten meanwhile stays so', async () => {
    const id = await deploy(t, 'ada', { env: ENV });
    await storePlain(id);
    await t.dataSource.query(
      `INSERT INTO deployment_revisions (deployment_id, number, spec)
       SELECT deployment_id, n, spec FROM deployment_revisions, generate_series(2, $2) AS n WHERE deployment_id = $1`,
      [id, SEALED_AT_ONCE + 20],
    );
    const [first] = await Promise.all([
      seal(),
      t.dataSource.query(
        `UPDATE deployment_revisions SET spec = '{}', env_sealed = NULL WHERE deployment_id = $1 AND number > 1 AND number < 50`,
        [id],
      ),
    ]);
    expect(first).toBeGreaterThan(0); // fewer than a batch when they were forgotten first
    expect(first).toBeLessThanOrEqual(SEALED_AT_ONCE);
    while ((await seal()) > 0);
    const rows = await rowsOf(id);
    expect(rows.filter(({ number }) => number > 1 && number < 50).every(({ sealed, text }) => !sealed && !text.includes('envNames'))).toBe(
      true,
    );
    expect(rows.filter(({ number }) => number === 1 || number >= 50).every(({ sealed }) => sealed)).toBe(true);
    expect(rows.some(({ text }) => text.includes('canary'))).toBe(false);
  });

  it('stay as they are while processes of before may run, which could not read them', async () => {
    const other = await startTestApp();
    try {
      await other.dataSource.query(`UPDATE installation SET seals_env = false`);
      await other.app.get(SealingState).onModuleInit();
      const id = await deploy(other, 'ada', { env: ENV });
      const [row] = await other.dataSource.query<{ env: unknown }[]>(
        `SELECT spec->'env' AS env FROM deployment_revisions WHERE deployment_id = $1`,
        [id],
      );
      expect(row?.env).toEqual(ENV);
    } finally {
      await other.close();
    }
  });
});
