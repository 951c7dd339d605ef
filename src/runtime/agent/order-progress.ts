import { DriverError } from '../runtime-driver';
import type { AgentState, KnownOrder } from './agent-state';

/** What of a node's state is about one replica. */
type OfReplica = Pick<AgentState, 'workloads' | 'orders' | 'troubles'>;

/** How far an order is. */
export type OrderProgress =
  | { readonly is: 'done' }
  | { readonly is: 'under way'; readonly version: number }
  /** The order is not the will: it was never given, has ended and is wanted again, or another one has taken its place. */
  | { readonly is: 'not ordered' }
  | { readonly is: 'failed'; readonly version: number; readonly error: DriverError };

/** How far the start with this fingerprint is. It is done once the agent has reported what it made of it, running or not. */
export function startProgress({ workloads, orders, troubles }: OfReplica, fingerprint: string): OrderProgress {
  const [order] = orders;
  if (order?.will !== 'run' || order.fingerprint !== fingerprint || order.ended) return { is: 'not ordered' };
  if (workloads.some(({ version }) => (version ?? 0) >= order.version)) return { is: 'done' };
  return failureOf(order, troubles) ?? { is: 'under way', version: order.version };
}

/** How far the stop or the removal of a replica is; the agent goes on after a failure. What was never there and never ordered is done. */
export function endProgress({ workloads, orders, troubles }: OfReplica, will: 'suspend' | 'absent'): OrderProgress {
  const [order] = orders;
  const [shown] = workloads;
  if (!shown && (order === undefined || order.ended)) return { is: 'done' };
  if (order === undefined || order.ended || !isAtLeast(order, will)) return { is: 'not ordered' };
  const stopped = will === 'suspend' && shown?.phase === 'exited' && (shown.version ?? 0) >= order.version;
  if (stopped) return { is: 'done' };
  return failureOf(order, troubles) ?? { is: 'under way', version: order.version };
}

function failureOf({ version }: KnownOrder, troubles: OfReplica['troubles']): OrderProgress | null {
  const trouble = troubles.find((each) => each.version >= version);
  return trouble ? { is: 'failed', version, error: new DriverError(trouble.failure, trouble.message) } : null;
}

const isAtLeast = ({ will }: KnownOrder, wanted: 'suspend' | 'absent'): boolean => will === wanted || will === 'absent';
