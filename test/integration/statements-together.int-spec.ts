import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataSourceOptions } from '../../src/data-source-options';
import { PreparingClient } from '../../src/database/preparing-client';
import type { Statement } from '../../src/database/statement';
import { together } from '../../src/database/together';
import { inTransaction, type Tx } from '../../src/database/transaction';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

let database: TestDatabase;
let dataSource: DataSource;
let admin: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = await new DataSource(dataSourceOptions({ url: database.url, poolSize: 2 })).initialize();
  admin = new Client({ connectionString: database.url });
  await admin.connect();
  await dataSource.query('CREATE TABLE item (id int CONSTRAINT pk_item PRIMARY KEY)');
});
afterAll(async () => {
  await dataSource?.destroy();
  await admin?.end();
  await database?.drop();
});
beforeEach(() => dataSource.query('TRUNCATE item'));

const insert = (tx: Pick<Tx, 'query'>, id: number): Promise<unknown> => tx.query('INSERT INTO item (id) VALUES ($1)', [id]);
const ids = async (): Promise<number[]> => {
  const { rows } = await admin.query<{ id: number }>('SELECT id FROM item ORDER BY id');
  return rows.map(({ id }) => id);
};
const stateOf = async (pid: number): Promise<string | undefined> => {
  const { rows } = await admin.query<{ state: string }>('SELECT state FROM pg_stat_activity WHERE pid = $1', [pid]);
  return rows[0]?.state;
};

describe('statements that are sent together', () => {
  it('run in the order in which they are called, and give their results in that order', async () => {
    const count = (tx: Tx): Promise<[{ n: number }]> => tx.query('SELECT count(*)::int AS n FROM item');
    const results = await inTransaction(dataSource, (tx) => together([count(tx), insert(tx, 1), count(tx), insert(tx, 2), count(tx)]));
    expect([results[0], results[2], results[4]]).toEqual([[{ n: 0 }], [{ n: 1 }], [{ n: 2 }]]);
  });

  it('are all at the server before the first one is answered', async () => {
    await admin.query('BEGIN; SELECT pg_advisory_lock(1)');
    const sent: string[] = [];
    const work = inTransaction(dataSource, (tx) => {
      const client = tx.queryRunner!.connect() as Promise<PreparingClient>;
      void client.then(({ connection }) => {
        const write = connection.stream.write.bind(connection.stream) as (chunk: Buffer) => boolean;
        connection.stream.write = ((chunk: Buffer) => (sent.push(chunk.toString('latin1')), write(chunk))) as never;
      });
      return together([tx.query('SELECT pg_advisory_xact_lock(1)'), tx.query('SELECT 1 AS behind_it')]);
    });
    await until(() => sent.join().includes('behind_it'), { what: 'the second statement, while the first one waits' });
    await admin.query('SELECT pg_advisory_unlock(1); COMMIT');
    await work;
  });

  it('give the error of the first one that failed, and leave nothing', async () => {
    const failing = inTransaction(dataSource, (tx) =>
      together([insert(tx, 1), tx.query(`SELECT 'first'::int`), tx.query(`SELECT 1 / 0`), insert(tx, 2)]),
    );
    await expect(failing).rejects.toThrow(/invalid input syntax for type integer/);
    expect(await ids()).toEqual([]);
  });

  it('give the cause when a member of several statements fails behind it', async () => {
    const twice = async (tx: Tx): Promise<void> => {
      await insert(tx, 1);
      await insert(tx, 2);
    };
    await expect(inTransaction(dataSource, (tx) => together([twice(tx), tx.query('SELECT 1 / 0')]))).rejects.toThrow(/division by zero/);
  });

  it('are waited for when one of them fails, so that none runs after the rollback', async () => {
    const slow = async (tx: Tx): Promise<void> => {
      await sleep(200);
      await insert(tx, 1);
    };
    await expect(inTransaction(dataSource, (tx) => together([tx.query('SELECT 1 / 0'), slow(tx)]))).rejects.toThrow(/division by zero/);
    await sleep(300);
    expect(await ids()).toEqual([]);
  });
});

describe('statements that end a transaction', () => {
  const inserting = (id: number): Statement => ({ text: 'INSERT INTO item (id) VALUES ($1)', values: [id] });
  const refusing: Statement = { text: `SELECT refuse_transaction($1)`, values: ['no'], failure: () => new Error('refused in words') };

  it('commit with the work, and leave in one piece with the commit', async () => {
    const sent: string[] = [];
    const listen = async (tx: Tx): Promise<void> => {
      const { connection } = (await tx.queryRunner!.connect()) as PreparingClient;
      const { stream } = connection;
      const writev = stream._writev!.bind(stream);
      stream._writev = (chunks, done) => {
        sent.push(chunks.map(({ chunk }) => Buffer.from(chunk as Buffer).toString('latin1')).join(' '));
        writev(chunks, done);
      };
    };
    const work = async (tx: Tx): Promise<void> => {
      await insert(tx, 1);
      await listen(tx);
    };
    await inTransaction(dataSource, work, { ending: () => [inserting(2), inserting(3)] });
    expect(sent).toEqual([expect.stringMatching(/B.*2.*B.*3.*COMMIT/s)]);
    expect(await ids()).toEqual([1, 2, 3]);
  });

  it('are the first of their transaction where its work has none', async () => {
    await inTransaction(dataSource, () => Promise.resolve(), { ending: () => [inserting(1), inserting(2)] });
    expect(await ids()).toEqual([1, 2]);
  });

  it.each([0, 1, 2])('leave nothing when one of them fails, and its words are those that count: the one at %i', async (place) => {
    const ending = [inserting(2), inserting(3)].toSpliced(place, 0, refusing);
    await expect(inTransaction(dataSource, (tx) => insert(tx, 1), { ending: () => ending })).rejects.toThrow('refused in words');
    expect(await ids()).toEqual([]);
    await inTransaction(dataSource, (tx) => insert(tx, 4));
    expect(await ids()).toEqual([4]);
  });

  it('leave nothing when they cannot be made', async () => {
    const ending = (): never => {
      throw new Error('no answer to keep');
    };
    await expect(inTransaction(dataSource, (tx) => insert(tx, 1), { ending })).rejects.toThrow('no answer to keep');
    expect(await ids()).toEqual([]);
  });

  it('leave nothing when the connection is cut behind them, or all', async () => {
    for (let id = 1; id <= 10; id += 1) {
      const cut = async (): Promise<void> => {
        const { rows } = await admin.query<{ pid: number }>(
          `SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.05)%' AND pid <> pg_backend_pid()`,
        );
        await admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      };
      const slow: Statement = { text: 'SELECT pg_sleep(0.05)', values: [] };
      const ended = inTransaction(dataSource, (tx) => insert(tx, id), { ending: () => [slow, inserting(100 + id)] });
      const [told] = await Promise.allSettled([ended, sleep(5 * id).then(cut)]);
      const kept = (await ids()).filter((each) => each % 100 === id);
      expect([told.status, kept]).toEqual(told.status === 'fulfilled' ? ['fulfilled', [id, 100 + id]] : ['rejected', []]);
    }
  });
});

describe('a transaction of which a statement has failed unheard', () => {
  it('is no success', async () => {
    const deaf = async (tx: Tx): Promise<void> => {
      await insert(tx, 1);
      await tx.query('SELECT 1 / 0').catch(() => undefined);
    };
    await expect(inTransaction(dataSource, deaf)).rejects.toThrow('was rolled back');
    expect(await ids()).toEqual([]);
  });
});

describe('the start of a transaction', () => {
  let client: PreparingClient;
  let pid: number;
  beforeEach(async () => {
    client = new PreparingClient({ connectionString: database.url, pipeline: true });
    await client.connect();
    pid = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
  });
  afterEach(() => client.end().catch(() => undefined));

  const failTheStart = (): void => {
    const { connection } = client as unknown as { connection: { query(text: string): void } };
    const query = connection.query.bind(connection);
    connection.query = (text) => query(text === 'START TRANSACTION' ? 'START NOTHING' : text);
  };

  it.each(['SELECT 1', 'INSERT INTO item (id) VALUES (1)'])('goes out with the first statement: %s', async (first) => {
    await client.query('START TRANSACTION');
    expect(await stateOf(pid)).toBe('idle');
    await client.query(first);
    expect(await stateOf(pid)).toBe('idle in transaction');
    await client.query('ROLLBACK');
    expect([await stateOf(pid), await ids()]).toEqual(['idle', []]);
  });

  it('keeps the order of statements that are called while it is waited for', async () => {
    await client.query('START TRANSACTION');
    const [, , counted] = await Promise.all([
      client.query('INSERT INTO item (id) VALUES (1)'),
      client.query('INSERT INTO item (id) VALUES (2)'),
      client.query<{ n: number }>('SELECT count(*)::int AS n FROM item'),
    ]);
    expect(counted.rows).toEqual([{ n: 2 }]);
    await client.query('COMMIT');
    expect(await ids()).toEqual([1, 2]);
  });

  it.each(['COMMIT', 'ROLLBACK'])('is never sent when %s comes first', async (end) => {
    await client.query('START TRANSACTION');
    await client.query(end);
    await insert(client, 1);
    expect([await stateOf(pid), await ids()]).toEqual(['idle', [1]]);
  });

  it('fails the first statement when it fails itself, which then has written nothing, and ends the connection', async () => {
    failTheStart();
    await client.query('START TRANSACTION');
    const writing = ['INSERT INTO item (id) VALUES (1)', 'INSERT INTO item (id) VALUES (2)'].map((sql) => client.query(sql));
    for (const each of await Promise.allSettled(writing)) expect(each.status).toBe('rejected');
    expect(await ids()).toEqual([]);
    await expect(client.query('SELECT 1')).rejects.toThrow();
  });

  it('fails a first statement that reads as well, and what is called behind it writes nothing', async () => {
    failTheStart();
    await client.query('START TRANSACTION');
    const both = [client.query('SELECT 1'), client.query('INSERT INTO item (id) VALUES (1)')];
    await expect(both[0]).rejects.toThrow(/syntax error/);
    await expect(both[1]).rejects.toThrow();
    expect(await ids()).toEqual([]);
  });
});
