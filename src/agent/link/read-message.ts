import type { ToAgent } from '../../runtime/agent/link-messages';
import { isRecord } from '../../runtime/docker/json-lines';

/** For each kind of message, whether the members that the agent relies on are there. */
const SHAPES: Readonly<Record<ToAgent['type'], (message: Record<string, unknown>) => boolean>> = {
  challenge: ({ nonce, protocols }) => typeof nonce === 'string' && isRecord(protocols),
  welcome: ({ ticket, ordersVersion, reportEveryMs }) =>
    typeof ticket === 'string' && typeof ordersVersion === 'number' && typeof reportEveryMs === 'number',
  refused: ({ code, message }) => typeof code === 'string' && typeof message === 'string',
  orders: ({ since, version, orders, forget }) =>
    (since === null || typeof since === 'number') &&
    typeof version === 'number' &&
    Array.isArray(orders) &&
    orders.every(isOrder) &&
    Array.isArray(forget),
  noted: ({ number }) => typeof number === 'number',
  rotated: ({ keyId }) => typeof keyId === 'string',
  call: ({ id, call, arguments: given }) => typeof id === 'string' && typeof call === 'string' && isRecord(given),
  more: ({ id, lines }) => typeof id === 'string' && typeof lines === 'number',
  cancel: ({ id }) => typeof id === 'string',
};

/** What else there is of an order is looked at when it is to be carried out: one that is not understood does not take the others with it. */
const isOrder = (order: unknown): boolean => isRecord(order) && typeof order.replicaId === 'string' && typeof order.version === 'number';

/** A message of the control plane; null for one that this version does not know. */
export function readMessage(text: string): ToAgent | null {
  const message = parsed(text);
  return isRecord(message) && isToAgent(message) ? message : null;
}

const isToAgent = (message: Record<string, unknown>): message is Record<string, unknown> & ToAgent =>
  Object.entries(SHAPES).some(([type, fits]) => type === message.type && fits(message));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
