import type { CallAnswers, CallArguments, CallKind, EndMessage } from './link-messages';
import type { LogLine } from '../runtime-driver';

/** A part of what an agent answers to a call. `end` is the last one. */
export type CallPart =
  | { readonly type: 'answer'; readonly value: CallAnswers[CallKind] }
  | { readonly type: 'lines'; readonly lines: readonly LogLine[] }
  | { readonly type: 'end'; readonly error: EndMessage['error'] };

/** A question that an agent has been asked. */
export interface OpenCall {
  /** The next part; waits for it. Rejects with what the signal says when that aborts, and with a DriverError when the link breaks. */
  next(signal: AbortSignal): Promise<CallPart>;
  /** The reader takes so many more lines. */
  more(lines: number): void;
  /** Ends the call, whatever is still under way. May be called twice. */
  close(): void;
}

/** A way to ask the agent of one node. */
export interface AgentLine {
  /** Throws `unreachable` when the agent is asked too much already. */
  open<K extends CallKind>(kind: K, asked: CallArguments[K]): OpenCall | Promise<OpenCall>;
}
