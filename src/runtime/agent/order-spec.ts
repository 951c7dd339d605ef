import type { SecretBox } from '../../common/crypto/secret-box';
import type { WorkloadSpec } from '../runtime-driver';

/** Where the spec of an order is kept, for the SecretBox. */
export const orderContext = (nodeId: string, replicaId: string): string => `agent order ${nodeId} ${replicaId}`;

/** Reads the sealed spec of an order; null when it was sealed with another key. */
export function openSpec(box: SecretBox, sealed: Buffer, at: { readonly nodeId: string; readonly replicaId: string }): WorkloadSpec | null {
  const text = box.openOrNull(sealed, orderContext(at.nodeId, at.replicaId));
  return text === null ? null : (JSON.parse(text) as WorkloadSpec);
}
