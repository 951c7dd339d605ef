import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DataSource } from 'typeorm';
import { Audit, type AuditEntry } from '../../src/audit/audit';
import { AuditRetention } from '../../src/audit/audit-retention';
import { AuditSeal, SEAL_BATCH } from '../../src/audit/audit-seal';
import { verifyChain } from '../../src/audit/verify-chain';
import { ClockWatch } from '../../src/database/clock-watch';
import { AppConfig } from '../../src/config/app-config';
import { inTransaction, type Tx } from '../../src/database/transaction';
import { UNKNOWN_ID } from '../support/deployments';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const ROOT = join(__dirname, '../..');
const entry = (n: number): AuditEntry => ({
  action: 'test.act',
  resourceType: 'test',
  resourceId: UNKNOWN_ID,
  before: { replicas: n, description: 'ä "quoted" \u2028', size_gb: 0.1 },
  after: { replicas: n + 1 },
});

describe('the chain of the audit log', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let audit: Audit;
  let seal: AuditSeal;
  beforeEach(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 4);
    audit = new Audit(dataSource);
    seal = new AuditSeal(dataSource);
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const inTx = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => inTransaction(dataSource, work);
  const record = (count: number): Promise<void> =>
    inTx((tx) => audit.recordSystem(tx, ...Array.from({ length: count }, (_, n) => entry(n))));
  const sealAll = async (): Promise<void> => {
    while ((await seal.sealBatch()).count > 0);
  };
  const positions = async (): Promise<string[]> =>
    (await dataSource.query<{ position: string }[]>(`SELECT position FROM audit_chain ORDER BY position`)).map(({ position }) => position);
  /** Runs statements as a superuser with the guards switched off. */
  const tamper = async (...statements: string[]): Promise<void> => {
    const tables = ['audit_log', 'audit_chain'];
    for (const table of tables) await dataSource.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
    for (const statement of statements) await dataSource.query(statement);
    for (const table of tables) await dataSource.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
  };
  const idAt = async (position: number): Promise<string> =>
    (await dataSource.query<[{ id: string }]>(`SELECT audit_id AS id FROM audit_chain WHERE position = $1`, [position]))[0].id;

  it('is whole, and says what is not sealed yet', async () => {
    expect(await verifyChain(dataSource)).toEqual({ fault: null, sealed: 0, waiting: 0, anchor: null });
    await record(7);
    expect(await verifyChain(dataSource)).toMatchObject({ fault: null, sealed: 0, waiting: 7 });
    await sealAll();
    await record(2);
    expect(await verifyChain(dataSource)).toMatchObject({
      fault: null,
      sealed: 7,
      waiting: 2,
      anchor: expect.stringMatching(/^7:[0-9a-f]{64}$/),
    });
  });

  it('gives a row that commits late its place later, and leaves no gap where one never commits', async () => {
    let openGate = (): void => undefined;
    const gate = new Promise<void>((resolve) => (openGate = resolve));
    let isWritten = (): void => undefined;
    const written = new Promise<void>((resolve) => (isWritten = resolve));
    const late = inTx(async (tx) => {
      await audit.recordSystem(tx, entry(1));
      isWritten();
      await gate;
    });
    await written;
    await inTx(async (tx) => {
      await audit.recordSystem(tx, entry(2));
      throw new Error('never');
    }).catch(() => undefined);
    await record(2);
    expect(await seal.sealBatch()).toMatchObject({ count: 2, head: { position: '2' } });
    openGate();
    await late;
    expect(await seal.sealBatch()).toMatchObject({ count: 1, head: { position: '3' } });
    const [row] = await dataSource.query<[{ first: boolean }]>(`SELECT $1 = (SELECT min(id) FROM audit_log) AS first`, [await idAt(3)]);
    expect(row.first).toBe(true);
    expect((await verifyChain(dataSource)).fault).toBeNull();
  });

  it('stays one chain when several seal at once', async () => {
    await record(SEAL_BATCH + 500);
    const counts = await Promise.all(
      [seal, new AuditSeal(dataSource), new AuditSeal(dataSource)].map(async (each) => (await each.sealBatch()).count),
    );
    expect(counts.sort((a, b) => b - a)).toEqual([SEAL_BATCH, 500, 0]);
    expect(await positions()).toEqual(Array.from({ length: SEAL_BATCH + 500 }, (_, n) => String(n + 1)));
    expect((await verifyChain(dataSource)).fault).toBeNull();
  });

  it('refuses every change to whoever is not told apart as its retention', async () => {
    await record(2);
    await sealAll();
    for (const statement of [
      `UPDATE audit_log SET action = 'other'`,
      `UPDATE audit_log SET before = NULL WHERE id = (SELECT max(id) FROM audit_log)`,
      `DELETE FROM audit_log`,
      `TRUNCATE audit_log`,
      `TRUNCATE audit_log, audit_chain CASCADE`,
      `UPDATE audit_chain SET hash = decode('00', 'hex')`,
      `DELETE FROM audit_chain`,
      `TRUNCATE audit_chain`,
      `WITH o AS (SELECT set_config('fog.operation', 'audit_retention', false)) DELETE FROM audit_log USING o`,
      `WITH o AS (SELECT set_config('fog.operation', 'purge', false)) DELETE FROM audit_log USING o`,
    ]) {
      await expect(dataSource.query(statement).then(() => statement)).rejects.toMatchObject({ code: '23514' });
    }
    expect(await verifyChain(dataSource)).toMatchObject({ fault: null, sealed: 2 });
  });

  it.each<[string, (at: number) => string[] | Promise<string[]>, RegExp]>([
    ['changed', async (at) => [`UPDATE audit_log SET after = '{"n": 0}' WHERE id = ${await idAt(at)}`], /changed after it was sealed/],
    ['given to another', async (at) => [`UPDATE audit_log SET actor_id = gen_random_uuid() WHERE id = ${await idAt(at)}`], /changed/],
    [
      'moved in time by a microsecond',
      async (at) => [`UPDATE audit_log SET at = at + interval '1 microsecond' WHERE id = ${await idAt(at)}`],
      /changed/,
    ],
    ['removed', async (at) => [`DELETE FROM audit_log WHERE id = ${await idAt(at)}`], /was removed/],
    ['hidden by a link with another hash', (at) => [`UPDATE audit_chain SET hash = sha256('x') WHERE position = ${String(at)}`], /changed/],
  ])('names the first row that was %s', async (_name, statements, words) => {
    await record(1_200);
    await sealAll();
    for (const at of [1_107, 15]) {
      await tamper(...(await statements(at)));
      const { fault, sealed } = await verifyChain(dataSource);
      expect(fault).toEqual({ position: String(at), auditId: await idAt(at), words: expect.stringMatching(words) });
      expect(sealed).toBe(at - 1);
    }
  });

  it('names a row that was removed with its link, inserted in between, or cut off at either end', async () => {
    await record(20);
    await sealAll();
    const { anchor } = await verifyChain(dataSource);
    const afterwards = async (...statements: string[]): Promise<unknown> => {
      const { runner, restore } = await sandbox();
      try {
        for (const statement of statements) await runner(statement);
        return (await verifyChain(dataSource, anchor ?? undefined)).fault;
      } finally {
        await restore();
      }
    };
    const id = await idAt(7);
    expect(await afterwards(`DELETE FROM audit_log WHERE id = ${id}`, `DELETE FROM audit_chain WHERE audit_id = ${id}`)).toEqual({
      position: '8',
      auditId: await idAt(8),
      words: 'the link before it is missing: position 7 was expected',
    });
    expect(
      await afterwards(`INSERT INTO audit_log (id, via, action, outcome) OVERRIDING SYSTEM VALUE VALUES (-5, 'system', 'forged', 'done')`),
    ).toMatchObject({ position: null, auditId: '-5', words: expect.stringMatching(/^the row was inserted past the program/) });
    const last = await idAt(20);
    expect(await afterwards(`DELETE FROM audit_log WHERE id = ${last}`, `DELETE FROM audit_chain WHERE position = 20`)).toMatchObject({
      position: '20',
      words: expect.stringMatching(/^the chain ends before the anchor/),
    });
    expect(
      await afterwards(
        `DELETE FROM audit_log WHERE id IN (SELECT audit_id FROM audit_chain WHERE position <= 3)`,
        `DELETE FROM audit_chain WHERE position < 3`,
      ),
    ).toMatchObject({ position: '3', words: expect.stringMatching(/not by the retention/) });
    expect(await afterwards()).toBeNull();
  });

  /** A place to change the tables in; all changes are undone. */
  async function sandbox(): Promise<{ runner: (statement: string) => Promise<void>; restore: () => Promise<void> }> {
    const tables = ['audit_log', 'audit_chain', 'audit_pending'];
    for (const table of tables) await dataSource.query(`CREATE TABLE kept_${table} AS TABLE ${table}`);
    return {
      runner: (statement) => tamper(statement),
      restore: async () => {
        await tamper(
          ...tables.map((table) => `DELETE FROM ${table}`),
          ...tables.map((table) => `INSERT INTO ${table} ${table === 'audit_log' ? 'OVERRIDING SYSTEM VALUE' : ''} TABLE kept_${table}`),
          ...tables.map((table) => `DROP TABLE kept_${table}`),
        );
      },
    };
  }

  it('names a row that was removed before it was sealed', async () => {
    await record(3);
    await tamper(`DELETE FROM audit_log WHERE id = (SELECT min(id) FROM audit_log)`);
    expect((await verifyChain(dataSource)).fault).toMatchObject({ position: null, words: 'the row was removed before it was sealed' });
  });

  // Once no check read such links, and yet their rows did not count as rows outside of the chain.
  it('names a row that was inserted with a link from before the first position', async () => {
    await record(2);
    await sealAll();
    await dataSource.query(`ALTER TABLE audit_chain DROP CONSTRAINT ck_audit_chain_position`);
    await tamper(
      `INSERT INTO audit_log (id, via, action, outcome) OVERRIDING SYSTEM VALUE VALUES (-5, 'system', 'forged', 'done')`,
      `INSERT INTO audit_chain (position, audit_id, hash) VALUES (0, -5, sha256('x'))`,
    );
    expect((await verifyChain(dataSource)).fault).toMatchObject({ position: null, auditId: '-5' });
  });

  it('is as it was when the name of a user is taken away', async () => {
    const [{ id }] = await dataSource.query<[{ id: string }]>(
      `INSERT INTO users (username, email, password_hash) VALUES ('grace', 'grace@example.org', 'x') RETURNING id`,
    );
    await inTx((tx) =>
      audit.record(
        tx,
        { actor: { userId: id, via: 'session', credentialId: UNKNOWN_ID }, requestId: 'r', address: '127.0.0.1' },
        { action: 'user.login', resourceType: 'user', resourceId: id },
      ),
    );
    await audit.recordRefusal(
      { actor: null, requestId: 'r', address: '127.0.0.1' },
      { action: 'user.login', resourceType: 'user', resourceId: null, code: 'bad_credentials', givenUsername: 'grace' },
    );
    await sealAll();
    const [{ text }] = await dataSource.query<[{ text: string }]>(`SELECT string_agg(a::text, ' ') AS text FROM audit_log AS a`);
    expect(text).not.toContain('grace');
    expect(await dataSource.query(`SELECT resource_id AS id FROM audit_log`)).toEqual([{ id }, { id }]);
    await dataSource.query(`UPDATE users SET username = 'gone-1', email = 'gone-1@invalid'`);
    expect((await verifyChain(dataSource)).fault).toBeNull();
    await dataSource.query(`DELETE FROM users`);
    expect((await verifyChain(dataSource)).fault).toBeNull();
  });

  describe('whose rows are kept for a while', () => {
    const retention = (days: number): AuditRetention =>
      new AuditRetention(
        dataSource,
        audit,
        Object.assign(new AppConfig(), { AUDIT_RETENTION_DAYS: days }),
        new ClockWatch(dataSource, new AppConfig()),
      );
    /** Writes rows with times `days` ago, then seals them. */
    const recordAgo = async (days: number, count: number): Promise<void> => {
      await record(count);
      await tamper(`UPDATE audit_log SET at = at - interval '${String(days)} days' WHERE id IN (SELECT audit_id FROM audit_pending)`);
      await sealAll();
    };

    it('loses the old ones, says so in the log, and can still be checked', async () => {
      await recordAgo(400, SEAL_BATCH + 30);
      await recordAgo(100, 10);
      const { anchor } = await verifyChain(dataSource);
      expect(await retention(365).purge()).toBe(SEAL_BATCH + 30);
      expect(await verifyChain(dataSource, anchor ?? '')).toMatchObject({ fault: null, sealed: 11, waiting: 2 });
      expect(
        await dataSource.query(
          `SELECT via, after->>'through_position' AS through, after->>'rows' AS rows FROM audit_log WHERE action = 'audit.purge' ORDER BY id`,
        ),
      ).toEqual([
        { via: 'system', through: String(SEAL_BATCH), rows: String(SEAL_BATCH) },
        { via: 'system', through: String(SEAL_BATCH + 30), rows: '30' },
      ]);
      await sealAll();
      expect(await verifyChain(dataSource)).toMatchObject({ fault: null, sealed: 13, waiting: 0 });
      expect(await retention(90).purge()).toBe(10);
      expect(await verifyChain(dataSource)).toMatchObject({ fault: null });
      await tamper(`DELETE FROM audit_log WHERE id = ${await idAt(SEAL_BATCH + 41)}`);
      expect((await verifyChain(dataSource)).fault).toMatchObject({ words: 'the row was removed' });
    });

    // This was accepted once: everything up to the anchor was cut off, with a forged row of the retention and a first
    // link with any hash.
    it('cannot be checked by an anchor from before its first link, whoever has removed that', async () => {
      await recordAgo(400, 3);
      const { anchor: old } = await verifyChain(dataSource);
      await recordAgo(400, 2);
      const { anchor: newest } = await verifyChain(dataSource);
      await retention(365).purge();
      expect(await verifyChain(dataSource, newest ?? '')).toMatchObject({ fault: null });
      await expect(verifyChain(dataSource, old ?? '')).rejects.toThrow('the anchor is older than the log; give a newer one');

      const through = { through_position: '9999', through_hash: '07'.repeat(32), rows: 1 };
      await tamper(
        `DELETE FROM audit_log`,
        `DELETE FROM audit_chain`,
        `DELETE FROM audit_pending`,
        `INSERT INTO audit_chain (position, audit_id, hash) VALUES (9999, 999999, decode('${through.through_hash}', 'hex'))`,
      );
      await inTx((tx) => audit.recordSystem(tx, { action: 'audit.purge', resourceType: 'audit', resourceId: null, after: through }));
      await sealAll();
      expect(await verifyChain(dataSource)).toMatchObject({ fault: null, sealed: 2 });
      await expect(verifyChain(dataSource, newest ?? '')).rejects.toThrow('the anchor is older than the log');
    });

    it('keeps every row that is young, or not sealed, or behind a young one, and waits for a whole day', async () => {
      await recordAgo(30, 3);
      expect(await retention(30).purge()).toBe(0);
      expect(await retention(29).purge()).toBe(3);
      await recordAgo(1, 2);
      await recordAgo(40, 2);
      await record(1);
      await tamper(`UPDATE audit_log SET at = at - interval '50 days' WHERE id IN (SELECT audit_id FROM audit_pending)`);
      expect(await retention(29).purge()).toBe(0);
      expect((await verifyChain(dataSource)).waiting).toBeGreaterThanOrEqual(1);
    });
  });

  it('is checked by a command that ends with 0, 1 or 2', async () => {
    const run = async (env: Record<string, string>): Promise<{ code: number; text: string }> => {
      const command = promisify(execFile)(process.execPath, ['-r', '@swc-node/register', 'src/audit-verify.main.ts'], {
        cwd: ROOT,
        env: { ...process.env, ...env },
      });
      try {
        const { stdout } = await command;
        return { code: 0, text: stdout };
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
        return { code, text: stdout + stderr };
      }
    };
    const DATABASE_URL = database.url;
    await record(3);
    await sealAll();
    const whole = await run({ DATABASE_URL });
    expect(whole).toEqual({
      code: 0,
      text: expect.stringMatching(/^3 rows are sealed .* 0 are not sealed yet\. Anchor: 3:[0-9a-f]{64}\n$/),
    });
    expect(await run({ DATABASE_URL, AUDIT_ANCHOR: `9:${'0'.repeat(64)}` })).toEqual({
      code: 1,
      text: expect.stringMatching(/position 9: the chain ends/),
    });
    expect(await run({ DATABASE_URL, AUDIT_ANCHOR: `2:${'0'.repeat(64)}` })).toEqual({
      code: 1,
      text: expect.stringMatching(/position 2 \(row \d+\)/),
    });
    await tamper(`UPDATE audit_log SET action = 'other' WHERE id = ${await idAt(2)}`);
    expect(await run({ DATABASE_URL })).toEqual({
      code: 1,
      text: `The audit log is broken at position 2 (row ${await idAt(2)}): the row or its link was changed after it was sealed\n`,
    });
    expect(await run({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })).toMatchObject({ code: 2 });
    await tamper(`DELETE FROM audit_log`, `UPDATE audit_chain SET position = position + 10`, `DELETE FROM audit_chain WHERE position < 13`);
    const [head] = await dataSource.query<[{ hash: string }]>(`SELECT encode(hash, 'hex') AS hash FROM audit_chain`);
    const after = { through_position: '13', through_hash: head.hash, rows: 3 };
    await inTx((tx) => audit.recordSystem(tx, { action: 'audit.purge', resourceType: 'audit', resourceId: null, after }));
    expect(await run({ DATABASE_URL, AUDIT_ANCHOR: `2:${'0'.repeat(64)}` })).toEqual({
      code: 2,
      text: 'The audit log could not be checked: the anchor is older than the log; give a newer one\n',
    });
    expect(await run({ DATABASE_URL, AUDIT_ANCHOR: 'x' })).toEqual({ code: 2, text: expect.stringMatching(/^Set DATABASE_URL/) });
  });
});
