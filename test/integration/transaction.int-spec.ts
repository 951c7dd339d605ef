import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/data-source-options';
import { migrate } from '../../src/database/migrate';
import { isDatabaseUnavailable, postgresCode, violatedConstraint } from '../../src/database/postgres-error';
import { inTransaction, type Tx } from '../../src/database/transaction';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

const POOL_SIZE = 3;
let database: TestDatabase;
let dataSource: DataSource;
let admin: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = await new DataSource(dataSourceOptions({ url: database.url, poolSize: POOL_SIZE })).initialize();
  admin = new Client({ connectionString: database.url });
  await admin.connect();
  await dataSource.query('CREATE TABLE item (id int CONSTRAINT pk_item PRIMARY KEY, note text)');
});
afterAll(async () => {
  await dataSource?.destroy();
  await admin?.end();
  await database?.drop();
});
beforeEach(() => dataSource.query('TRUNCATE item'));

const insert = (tx: Tx, id: number): Promise<unknown> => tx.query('INSERT INTO item (id) VALUES ($1)', [id]);
const backend = async (tx: Tx): Promise<number> => {
  const [row] = await tx.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
  return row?.pid ?? 0;
};
const count = async (): Promise<number> => {
  const [row] = await dataSource.query<{ n: number }[]>('SELECT count(*)::int AS n FROM item');
  return row?.n ?? -1;
};
const raise = (tx: Tx, code: string): Promise<unknown> => tx.query(`DO $$ BEGIN RAISE EXCEPTION 'made' USING ERRCODE = '${code}'; END $$`);
const caught = async (work: Promise<unknown>): Promise<unknown> => work.then(() => undefined).catch((error: unknown) => error);

describe('inTransaction', () => {
  it('commits what the work wrote and gives its result', async () => {
    await expect(
      inTransaction(dataSource, async (tx) => {
        await insert(tx, 1);
        return 'done';
      }),
    ).resolves.toBe('done');
    expect(await count()).toBe(1);
  });

  it("rolls back and throws the work's own error", async () => {
    const failing = inTransaction(dataSource, async (tx) => {
      await insert(tx, 1);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await count()).toBe(0);
  });

  it('gives no connection back whose rollback failed: it may still be inside the transaction', async () => {
    let pid = 0;
    const failing = inTransaction(dataSource, async (tx) => {
      pid = await backend(tx);
      await insert(tx, 1);
      tx.queryRunner!.rollbackTransaction = () => Promise.reject(new Error('the answer was lost'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    const isGone = async (): Promise<boolean> => (await admin.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount === 0;
    await until(isGone, { what: 'the end of the connection' });
    expect(await count()).toBe(0);
  });

  it.each(['40001', '40P01'])('runs the work again after %s, at most three times', async (code) => {
    const attempts: number[] = [];
    await inTransaction(dataSource, async (tx, attempt) => {
      attempts.push(attempt);
      await insert(tx, 1);
      if (attempt < 3) await raise(tx, code);
    });
    expect(attempts).toEqual([1, 2, 3]);
    expect(await count()).toBe(1);

    const error = await caught(inTransaction(dataSource, (tx) => raise(tx, code)));
    expect(postgresCode(error)).toBe(code);
  });

  it('does not run the work again after other errors, unless retryOn says so', async () => {
    await insertOnce();
    let attempts = 0;
    const clash = (tx: Tx): Promise<unknown> => {
      attempts++;
      return insert(tx, 1);
    };
    const error = await caught(inTransaction(dataSource, clash));
    expect([attempts, violatedConstraint(error)]).toEqual([1, 'pk_item']);

    attempts = 0;
    await caught(inTransaction(dataSource, clash, { retryOn: (e) => violatedConstraint(e) === 'pk_item' }));
    expect(attempts).toBe(3);
  });

  const insertOnce = (): Promise<unknown> => inTransaction(dataSource, (tx) => insert(tx, 1));

  it('settles a real deadlock without an error', async () => {
    await inTransaction(dataSource, async (tx) => {
      await insert(tx, 1);
      await insert(tx, 2);
    });
    const touch = (tx: Tx, id: number): Promise<unknown> => tx.query('UPDATE item SET note = $2 WHERE id = $1', [id, 'seen']);
    let holding = 0;
    let goOn = (): void => undefined;
    const bothHoldOne = new Promise<void>((resolve) => (goOn = resolve));
    const both = (first: number, second: number): Promise<void> =>
      inTransaction(dataSource, async (tx) => {
        await touch(tx, first);
        if (++holding === 2) goOn();
        await bothHoldOne;
        await touch(tx, second);
      });
    await Promise.all([both(1, 2), both(2, 1)]);
  });

  it('gives every pool slot back when connections are killed inside the transaction, hundreds of times', async () => {
    for (let round = 0; round < 200; round++) {
      const error = await caught(
        inTransaction(dataSource, async (tx) => {
          await admin.query('SELECT pg_terminate_backend($1)', [await backend(tx)]);
          await insert(tx, round);
        }),
      );
      expect(isDatabaseUnavailable(error)).toBe(true);
    }
    expect(await count()).toBe(0);
    await Promise.all(Array.from({ length: POOL_SIZE * 3 }, (_, id) => inTransaction(dataSource, (tx) => insert(tx, id))));
    expect(await count()).toBe(POOL_SIZE * 3);
  });

  it('survives a connection that is killed while the work is elsewhere', async () => {
    for (let round = 0; round < POOL_SIZE * 2; round++) {
      const error = await caught(
        inTransaction(dataSource, async (tx) => {
          const pid = await backend(tx);
          await admin.query('SELECT pg_terminate_backend($1)', [pid]);
          await until(async () => (await admin.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount === 0, {
            what: 'its end',
          });
          await sleep(20); // time for this process to notice the end; nothing shows that it has
          throw new Error('mine');
        }),
      );
      expect(error).toEqual(new Error('mine'));
    }
    expect(await count()).toBe(0);
  });

  it('calls a database that cannot be waited for unavailable: locks, time limits and an exhausted pool', async () => {
    await insertOnce();
    const timedOut = await caught(
      inTransaction(dataSource, async (tx) => {
        await tx.query("SET LOCAL statement_timeout = '30ms'");
        await tx.query('SELECT pg_sleep(5)');
      }),
    );
    expect([postgresCode(timedOut), isDatabaseUnavailable(timedOut)]).toEqual(['57014', true]);

    const locked = await inTransaction(dataSource, async (holder) => {
      await holder.query('SELECT 1 FROM item FOR UPDATE');
      return caught(inTransaction(dataSource, (tx) => tx.query('SELECT 1 FROM item FOR UPDATE NOWAIT')));
    });
    expect([postgresCode(locked), isDatabaseUnavailable(locked)]).toEqual(['55P03', true]);

    const small = await new DataSource({ ...dataSourceOptions({ url: database.url, poolSize: 1 }), connectTimeoutMS: 1_000 }).initialize();
    try {
      const exhausted = await inTransaction(small, () => caught(inTransaction(small, (tx) => insert(tx, 9))));
      expect(isDatabaseUnavailable(exhausted)).toBe(true);
      await expect(inTransaction(small, (tx) => backend(tx))).resolves.toBeGreaterThan(0);
    } finally {
      await small.destroy();
    }
  });

  it('calls a database that does not answer unavailable, and an error of the program not', async () => {
    const nobody = new DataSource(dataSourceOptions({ url: 'postgres://fog@127.0.0.1:1/fog' }));
    expect(isDatabaseUnavailable(await caught(nobody.initialize()))).toBe(true);
    expect(isDatabaseUnavailable(await caught(dataSource.query('SELECT * FROM no_such_table')))).toBe(false);
    expect(isDatabaseUnavailable(new TypeError('x is not a function'))).toBe(false);
  });
});

describe('migrate', () => {
  it('lets many processes start at once: each migration runs exactly once', async () => {
    const name = new URL(database.url).pathname.slice(1) + '_empty';
    await admin.query(`CREATE DATABASE ${name} TEMPLATE template0`);
    const url = new URL(database.url);
    url.pathname = name;
    const sources = await Promise.all(
      [1, 2, 3].map(() => new DataSource(dataSourceOptions({ url: url.toString(), poolSize: 2 })).initialize()),
    );
    try {
      const ran = await Promise.all(sources.map((source) => migrate(source)));
      expect(ran.filter((names) => names.length > 0)).toHaveLength(1);
      expect(ran.flat()).toHaveLength(sources[0]?.migrations.length ?? 0);
    } finally {
      for (const source of sources) await source.destroy();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });
});
