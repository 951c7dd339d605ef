import type { Order, OrdersMessage } from '../../runtime/agent/link-messages';

/** All orders of the node that the agent has seen, by replica, and the newest version among those that there were. */
export interface OrderBook {
  readonly version: number;
  readonly orders: ReadonlyMap<string, Order>;
}

export const NO_ORDERS: OrderBook = { version: 0, orders: new Map() };

/**
 * The book after a message. Pure. `resend`: the message builds on a state that is not here. `older`: it knows less than the book,
 * as a message does that was doubled or overtaken, or a control plane whose database was set back. For each replica the newest order
 * stays, whatever comes.
 */
export function afterMessage(book: OrderBook, message: OrdersMessage): OrderBook | 'resend' | 'older' {
  if (message.version < book.version) return 'older';
  if (message.since !== null && message.since > book.version) return 'resend';
  const orders = new Map(message.since === null ? [] : book.orders);
  for (const order of message.orders) {
    const known = book.orders.get(order.replicaId);
    orders.set(order.replicaId, known !== undefined && known.version > order.version ? known : order);
  }
  const ordered = new Set(message.orders.map(({ replicaId }) => replicaId));
  for (const replicaId of message.forget) if (!ordered.has(replicaId)) orders.delete(replicaId);
  return { version: message.version, orders };
}

/**
 * The book with those orders of a message that end or suspend something, for a disk that does not take the rest of it. It stays of its
 * version, as the rest is missing. Pure; the same book where there is nothing of the kind.
 */
export function withEnds(book: OrderBook, { orders }: OrdersMessage): OrderBook {
  const ends = orders.filter(
    ({ replicaId, version, will }) => (will === 'absent' || will === 'suspend') && version > (book.orders.get(replicaId)?.version ?? 0),
  );
  if (ends.length === 0) return book;
  return { version: book.version, orders: new Map([...book.orders, ...ends.map((order) => [order.replicaId, order] as const)]) };
}
