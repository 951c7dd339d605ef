import { helloOf, messageOf, partOf } from '../../src/agents/message-shapes';
import { readMessage } from '../../src/agent/link/read-message';
import { isUnderstood } from '../../src/agent/orders/understood';
import type { CallKind, OrdersMessage } from '../../src/runtime/agent/link-messages';
import { RECORDED, unlikeVersionOne } from '../support/protocol-1';

const { fromAgent, toAgent } = RECORDED;
const named = (messages: readonly Readonly<Record<string, unknown>>[]) =>
  messages.map((message) => [String(message.type), message] as const);
const isPart = ({ type }: Readonly<Record<string, unknown>>): boolean => ['answer', 'lines', 'end'].includes(String(type));
/** To which question a part is an answer, by the id of the call. */
const kinds = new Map(toAgent.filter(({ type }) => type === 'call').map(({ id, call }) => [id, call as CallKind]));

/** A peer of the first releases is understood, and understands. To stop that, a new version of the protocol begins, and this file stays. */
describe('version 1 of the protocol of agents', () => {
  it('is recorded as a whole', () => {
    expect([...new Set(fromAgent.map(({ type }) => type))].sort()).toEqual([
      'answer',
      'end',
      'hello',
      'lines',
      'report',
      'resend',
      'rotate',
    ]);
    const toAgents = ['call', 'cancel', 'challenge', 'more', 'noted', 'orders', 'refused', 'rotated', 'welcome'];
    expect([...new Set(toAgent.map(({ type }) => type))].sort()).toEqual(toAgents);
    expect(new Set(kinds.values())).toEqual(new Set(['logs', 'follow', 'sample', 'offersImage']));
  });

  it.each(named(fromAgent.filter((message) => !isPart(message))))('a control plane reads a %s of an agent of then', (type, message) => {
    const text = JSON.stringify(message);
    const understood = type === 'hello' ? helloOf(text) : messageOf(text);
    expect(understood).toMatchObject(message);
  });

  it.each(named(fromAgent.filter(isPart)))('a control plane reads a part of an answer (%s) of an agent of then', (_type, message) => {
    const { id, ...part } = message;
    expect(messageOf(JSON.stringify(message))).toMatchObject({ type: 'part', id });
    expect(partOf(kinds.get(id) ?? 'logs', message)).toMatchObject(part);
  });

  it.each(named(toAgent))('an agent reads a %s of a control plane of then', (_type, message) => {
    const understood = readMessage(JSON.stringify(message));
    expect(understood).toEqual(message);
    if (understood?.type !== 'orders') return;
    const { orders }: OrdersMessage = understood;
    expect(orders.filter((order) => !isUnderstood(order))).toEqual([]);
  });

  it('tells what is not of it', () => {
    const welcome = toAgent.find(({ type }) => type === 'welcome') ?? {};
    const { ticket, ...rest } = welcome;
    expect(unlikeVersionOne({ ...welcome, more: 1 }, 'toAgent')).toEqual([]);
    expect(unlikeVersionOne({ ...rest, nodeName: 7 }, 'toAgent')).toEqual([
      'welcome/nodeName is number, and was string',
      'welcome/ticket is missing',
    ]);
    expect(unlikeVersionOne({ type: 'sing' }, 'toAgent')).toEqual(['sing is no message of version 1']);
    const orders = toAgent.find(
      ({ type, orders: some }) => type === 'orders' && (some as unknown[]).length > 0,
    ) as unknown as OrdersMessage;
    expect(unlikeVersionOne({ ...orders, orders: [{ ...orders.orders[0], will: 'hibernate' }] }, 'toAgent')).toEqual([
      'orders/orders/0/will is hibernate, which nobody knew',
    ]);
    expect(typeof ticket).toBe('string');
  });
});
