import type { Order, OrderTrouble, OrderWill } from '../../runtime/agent/link-messages';
import { isRecord } from '../../runtime/docker/json-lines';

const WILLS: ReadonlySet<unknown> = new Set<OrderWill>(['run', 'suspend', 'absent']);

/** Whether this version of the agent knows what the order wants. One that it does not know is kept as it came, for a newer version. */
export const isUnderstood = ({ will, spec, graceSeconds }: Order): boolean =>
  WILLS.has(will) && (will !== 'run' || isRecord(spec)) && typeof graceSeconds === 'number';

/** What is told of orders that a newer control plane has given, and that this version does not know. Nothing is done for their replicas. */
export const notUnderstood = (orders: Iterable<Order>): OrderTrouble[] =>
  [...orders]
    .filter((order) => !isUnderstood(order))
    .map(({ replicaId, version, will }) => ({
      replicaId,
      version,
      failure: 'unfit',
      message: `The agent of this machine does not understand the order "${will}": update the agent`,
    }));
