import { inTransaction, type Tx } from '../../src/database/transaction';
import { FleetView } from '../../src/deployments/placement/fleet-view';
import type { Fleet } from '../../src/scheduling/fleet';
import { QueryTap, type Listener } from '../support/query-tap';
import { aNode } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const POOL = 3;
/** What was read of the fleet ages after half a second, and is too old after a second. */
const UNTIL_AGED = 600;
const UNTIL_TOO_OLD = 1_100;
const isRead = ({ sql }: { sql: string }): boolean => sql.includes('FROM nodes AS n WHERE n.removed_at IS NULL');

describe('the picture of the fleet that all placements of a process share', () => {
  let t: TestApp;
  let view: FleetView;
  let tap: QueryTap;
  let now = 0;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api', DATABASE_POOL_SIZE: String(POOL) } });
    await aNode(t.dataSource);
    view = t.app.get(FleetView, { strict: false });
    tap = new QueryTap(t.dataSource);
  });
  beforeEach(async () => {
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    await inTx((tx) => view.fresh(tx));
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => t?.close());

  const inTx = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => inTransaction(t.dataSource, work);
  /** Runs `work` in `callers` transactions, once all of them have a connection. */
  const together = async <T>(callers: number, work: (tx: Tx, index: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> => {
    let opened = 0;
    let open = (): void => undefined;
    const allOpen = new Promise<void>((resolve) => (open = resolve));
    return Promise.allSettled(
      Array.from({ length: callers }, (_, index) =>
        inTx(async (tx) => {
          if ((opened += 1) === callers) open();
          await allOpen;
          return work(tx, index);
        }),
      ),
    );
  };
  const seenBy = (callers: number): Promise<PromiseSettledResult<Fleet>[]> => together(callers, (tx) => view.current(tx));
  const sees = (fleet: Fleet): unknown => ({ status: 'fulfilled', value: fleet });
  /** Keeps the first read of the nodes waiting until `answer`, which may make it fail. */
  const heldRead = (): { listener: Listener; reads: () => number; answer: (error?: Error) => void } => {
    let reads = 0;
    let answer: (error?: Error) => void = () => undefined;
    const held = new Promise<undefined>((resolve, reject) => (answer = (error) => (error ? reject(error) : resolve(undefined))));
    const listener: Listener = (statement) => (isRead(statement) && (reads += 1) === 1 ? held : undefined);
    return { listener, reads: () => reads, answer };
  };

  // Once a read in the background queued for the pool behind transactions that held every connection and waited for
  // it. Its time in the queue also counted as the cost of the read, and what was read is used for thirty times that
  // cost.
  it('is read on the connection of one that asks, so a pool without any left neither stalls nor makes it older', async () => {
    const statements = await tap.statements(() =>
      together(POOL, async (tx, index) => {
        if (index === 0) {
          now += UNTIL_AGED;
          await view.current(tx);
          now += UNTIL_AGED;
        }
        await tx.query('SELECT 1');
        return view.current(tx);
      }),
    );
    const reads = statements.filter(isRead);
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.filter((read) => !read.inTransaction)).toEqual([]);
    now += UNTIL_TOO_OLD;
    expect((await tap.statements(() => seenBy(1))).filter(isRead)).toHaveLength(1);
  });

  it('stays the old one for all others while one reads, who wait for him when it is too old', async () => {
    const old = await inTx((tx) => view.current(tx));
    const { listener, reads, answer } = heldRead();
    await tap.while(listener, async () => {
      now += UNTIL_AGED;
      const reader = inTx((tx) => view.current(tx));
      await until(() => reads() === 1);
      expect(await seenBy(POOL - 1)).toEqual([sees(old), sees(old)]);
      now += UNTIL_AGED;
      const waiting = seenBy(POOL - 1);
      answer();
      const young = await reader;
      expect(young).not.toBe(old);
      expect(await waiting).toEqual([sees(young), sees(young)]);
    });
    expect(reads()).toBe(1);
  });

  it('is read by one of those who waited when the transaction of the reader fails', async () => {
    now += UNTIL_TOO_OLD;
    const { listener, reads, answer } = heldRead();
    await tap.while(listener, async () => {
      const seen = seenBy(POOL);
      await until(() => reads() === 1);
      answer(new Error('his connection broke'));
      expect((await seen).map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    });
    expect(reads()).toBe(2);
  });
});
