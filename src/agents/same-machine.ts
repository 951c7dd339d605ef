import type { JoinedMachine } from '../nodes/node.types';
import type { Machine } from '../runtime/agent/link-messages';

/**
 * Whether the machine of a hello is the one that joined. Its engine decides where both are known: the host's own name may be made anew
 * with each start of a system. `unclear`: the host looks like another one, and its engine, which could tell, does not answer. Pure.
 */
export function sameMachine(joined: JoinedMachine, shown: Machine): 'same' | 'another' | 'unclear' {
  if (joined.machineId !== shown.machineId) return 'another';
  const [ours, its] = [joined.engineId ?? null, shown.engineId ?? null];
  if (ours !== null && its !== null) return ours === its ? 'same' : 'another';
  const looksLikeAnother = joined.hostId != null && shown.hostId != null && joined.hostId !== shown.hostId;
  return looksLikeAnother && its === null ? 'unclear' : 'same';
}

/** The machine as it is noted: what it cannot tell of itself now stays known. Pure. */
export const notedMachine = (joined: JoinedMachine, shown: Machine): JoinedMachine => ({
  ...shown,
  engineId: shown.engineId ?? joined.engineId ?? null,
  hostId: shown.hostId ?? joined.hostId ?? null,
});
