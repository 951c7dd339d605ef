import type { EngineInfo } from '../../engines/engine-info';
import type { NodeTarget } from '../../engines/node-target';
import { DriverError } from '../runtime-driver';
import type { OrderTrouble, OrderWill, ReportedWorkload } from './link-messages';

/** An order as far as the driver needs it. */
export interface KnownOrder {
  readonly replicaId: string;
  readonly deploymentId: string | null;
  readonly version: number;
  readonly will: OrderWill;
  readonly fingerprint: string | null;
  readonly graceSeconds: number;
  /** A report has shown a workload that was made or changed by it. */
  readonly acted: boolean;
  /** A report has said that its workload is gone and nothing of it is under way. */
  readonly ended: boolean;
}

/** What is known of a node through its agent, as one statement read it. */
export interface AgentState {
  readonly isLinked: boolean;
  /** The link that there is now has reported. What came before it says nothing of now. */
  readonly hasReported: boolean;
  /** Null: never. */
  readonly heardMsAgo: number | null;
  readonly engine: EngineInfo | null;
  readonly engineTrouble: string | null;
  readonly intruder: { readonly hostname: string; readonly address: string; readonly at: string } | null;
  readonly workloads: readonly ReportedWorkload[];
  readonly orders: readonly KnownOrder[];
  readonly troubles: readonly OrderTrouble[];
  /** In words, by replica. */
  readonly progress: Readonly<Record<string, string>>;
}

/** An agent is heard every twenty seconds, and written down ten seconds later at most. */
const SILENT_AFTER_MS = 45_000;

/** Throws `unreachable`, in words, when the state says nothing of now. */
export function requireHeard(target: NodeTarget, state: AgentState | null): asserts state is AgentState & { engine: EngineInfo } {
  const words = silenceWords(target, state);
  // It may be its own machine that was refused, with another engine than before.
  if (words !== null) throw new DriverError('unreachable', words, { forAdministrators: state && intruderWords(state) });
}

/** Names the machine that was refused as the one of a node, if there was one. */
export const intruderWords = ({ intruder }: AgentState): string | null =>
  intruder &&
  `A machine that is not known as that of this node, or has another engine, ${intruder.hostname} at ${intruder.address}, came with its key at ${intruder.at} and was refused: see docs/edge.md`;

function silenceWords({ name, engineId }: NodeTarget, state: AgentState | null): string | null {
  if (state === null) return `No machine has joined node ${name} yet`;
  const { heardMsAgo } = state;
  if (heardMsAgo === null) return `The agent of node ${name} has never been heard`;
  if (!state.isLinked || heardMsAgo > SILENT_AFTER_MS) return `The agent of node ${name} was last heard ${hours(heardMsAgo)} ago`;
  if (!state.hasReported) return `The agent of node ${name} is back and has not reported yet`;
  if (state.engine === null) return `The engine of node ${name} does not answer its agent: ${state.engineTrouble ?? 'it has not said why'}`;
  if (engineId != null && state.engine.engineId !== engineId) return 'Another engine answers in place of the one of this node';
  return null;
}

/** `14:03:11`: hours, minutes and seconds. */
function hours(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
