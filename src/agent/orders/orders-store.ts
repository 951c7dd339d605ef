import type { SecretBox } from '../../common/crypto/secret-box';
import { fieldOf } from '../../common/field-of';
import type { Order, OrdersMessage } from '../../runtime/agent/link-messages';
import { isRecord } from '../../runtime/docker/json-lines';
import { TwinFile } from '../disk/twin-file';
import { afterMessage, NO_ORDERS, withEnds, type OrderBook } from './order-book';

const CONTEXT = 'orders of the node';

/** `unkept`: the disk does not take the orders, for the reason in `words`; nothing is done by them. */
export type Taken = 'taken' | 'resend' | 'older' | { readonly words: string };

/** The orders on the disk, encrypted, and what they are. The agent acts by no order that the disk does not have. */
export class OrdersStore {
  private constructor(
    private readonly file: TwinFile,
    private readonly box: SecretBox,
    private held: OrderBook,
    /** What was wrong with the files at the start, in words; null: nothing. Then the book is empty until the control plane fills it. */
    readonly trouble: string | null,
  ) {}

  /** `seen`: the newest version that the disk is known to have had. Files that are older, damaged or foreign count for nothing. */
  static async open(path: string, box: SecretBox, seen: number): Promise<OrdersStore> {
    const file = new TwinFile(path);
    const { content, damaged } = await file.read();
    if (content === null) return new OrdersStore(file, box, NO_ORDERS, damaged || seen > 0 ? 'are missing or damaged' : null);
    const book = opened(content, box);
    if (book === null) return new OrdersStore(file, box, NO_ORDERS, 'are encrypted with another key, or damaged');
    if (book.version < seen) return new OrdersStore(file, box, NO_ORDERS, 'are older than those that were here before');
    return new OrdersStore(file, box, book, null);
  }

  get book(): OrderBook {
    return this.held;
  }

  /** Resolves when the disk has the orders. Calls one after the other, never two at once. */
  async take(message: OrdersMessage): Promise<Taken> {
    const next = afterMessage(this.held, message);
    if (next === 'resend' || next === 'older') return next;
    const words = await this.keep(next);
    return words === null ? 'taken' : { words };
  }

  /**
   * Takes of a message that the disk does not take as a whole, or that follows one, what ends or suspends something: that needs hardly any
   * room, and has to get through. False when there is nothing of the kind, or the disk does not even take that.
   */
  async takeEnds(message: OrdersMessage): Promise<boolean> {
    const next = withEnds(this.held, message);
    return next !== this.held && (await this.keep(next)) === null;
  }

  /** Null, or why the disk does not take it; the orders of before stay then. */
  private async keep(next: OrderBook): Promise<string | null> {
    try {
      const content = sealed(next, this.box);
      await this.file.write(content);
      // The other file still has the orders of before, and with them passwords and values that are no longer needed here.
      if (forgets(this.held, next)) await this.file.write(content);
    } catch (error) {
      return `The disk of the machine does not take the orders (${String(fieldOf(error, 'code') ?? error)})`;
    }
    this.held = next;
    return null;
  }
}

const forgets = (before: OrderBook, next: OrderBook): boolean =>
  [...before.orders.values()].some(({ replicaId, version, spec }) => spec !== null && next.orders.get(replicaId)?.version !== version);

const sealed = ({ version, orders }: OrderBook, box: SecretBox): Buffer =>
  box.seal(JSON.stringify({ format: 1, version, orders: [...orders.values()] }), CONTEXT);

function opened(content: Buffer, box: SecretBox): OrderBook | null {
  const text = box.openOrNull(content, CONTEXT);
  const value: unknown = text === null ? null : JSON.parse(text);
  if (!isRecord(value) || value.format !== 1 || typeof value.version !== 'number' || !Array.isArray(value.orders)) return null;
  return { version: value.version, orders: new Map((value.orders as Order[]).map((order) => [order.replicaId, order])) };
}
