import fc from 'fast-check';
import type { Order, OrdersMessage } from '../../runtime/agent/link-messages';
import { afterMessage, NO_ORDERS, withEnds, type OrderBook } from './order-book';

const order = (replicaId: string, version: number): Order => ({
  replicaId,
  version,
  will: 'absent',
  spec: null,
  graceSeconds: 10,
  resumeRunAt: null,
  ociRuntime: null,
});
const step = (since: number | null, version: number, orders: readonly Order[], forget: readonly string[] = []): OrdersMessage => ({
  type: 'orders',
  since,
  version,
  orders,
  forget,
});
const versions = (book: OrderBook | string): unknown =>
  typeof book === 'string' ? book : Object.fromEntries([...book.orders.values()].map(({ replicaId, version }) => [replicaId, version]));

describe('the book of orders', () => {
  const book = { version: 5, orders: new Map([order('a', 3), order('b', 5)].map((one) => [one.replicaId, one])) };

  it('takes a step that builds on it, and asks for all where it misses one', () => {
    expect(versions(afterMessage(book, step(5, 6, [order('a', 6)])))).toEqual({ a: 6, b: 5 });
    expect(afterMessage(book, step(6, 7, [order('a', 7)]))).toBe('resend');
  });

  it('takes nothing from a message that knows less', () => {
    expect(afterMessage(book, step(3, 4, [order('a', 4)]))).toBe('older');
    expect(afterMessage(book, step(null, 4, []))).toBe('older');
  });

  it('is the same after a message that comes twice', () => {
    const message = step(5, 6, [order('a', 6)], ['b']);
    const once = afterMessage(book, message);
    expect(typeof once === 'string' ? once : afterMessage(once, message)).toEqual(once);
  });

  it('forgets orders that the control plane does not need any more, and what a whole state leaves out', () => {
    expect(versions(afterMessage(book, step(5, 6, [], ['b'])))).toEqual({ a: 3 });
    expect(versions(afterMessage(book, step(null, 6, [order('c', 6)])))).toEqual({ c: 6 });
  });

  it('takes alone what ends something, and stays as old as it is until the rest has come', () => {
    const start: Order = { ...order('c', 7), will: 'run' };
    const message = step(6, 8, [{ ...order('a', 8), will: 'suspend' }, order('b', 4), start]);
    const partly = withEnds(book, message);
    expect([partly.version, versions(partly)]).toEqual([5, { a: 8, b: 5 }]);
    expect(withEnds(book, step(6, 7, [start]))).toBe(book);
    // What came by itself is not undone by the rest, which is older.
    expect(versions(afterMessage(partly, step(5, 7, [{ ...order('a', 6), will: 'run' }, start])))).toEqual({ a: 8, b: 5, c: 7 });
  });

  it('never goes back, however messages are lost, doubled and overtaken', () => {
    const history = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 });
    const arrivals = fc.array(fc.record({ at: fc.nat(), whole: fc.boolean(), span: fc.nat(3) }), { maxLength: 30 });
    fc.assert(
      fc.property(history, arrivals, (replicas, messages) => {
        const at = (version: number, since: number): Order[] => {
          const newest = new Map(replicas.slice(0, version).map((replicaId, index) => [replicaId, order(replicaId, index + 1)]));
          return [...newest.values()].filter((one) => one.version > since);
        };
        let held: OrderBook = NO_ORDERS;
        for (const { at: when, whole, span } of messages) {
          const version = 1 + (when % replicas.length);
          const since = whole ? null : Math.max(0, version - span);
          const next = afterMessage(held, step(since, version, at(version, since ?? 0)));
          if (typeof next === 'string') continue;
          expect(next.version).toBeGreaterThanOrEqual(held.version);
          expect([...next.orders.values()].sort((a, b) => a.version - b.version)).toEqual(
            at(next.version, 0).sort((a, b) => a.version - b.version),
          );
          held = next;
        }
      }),
    );
  });
});
