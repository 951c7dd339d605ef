import type { DataSource } from 'typeorm';
import type { SecretBox } from '../../common/crypto/secret-box';
import { isTimeUp, within } from '../../common/within';
import type { PubSub } from '../../database/pub-sub';
import type { NodeTarget } from '../../engines/node-target';
import { throwIfAborted } from '../abort';
import { DriverError, type FollowOptions, type LogLine } from '../runtime-driver';
import type { AgentHints } from './agent-hints';
import type { CallPart, OpenCall } from './agent-line';
import type { AgentLines } from './agent-lines';
import type { CallAnswers, CallArguments, CallKind } from './link-messages';
import { RelayedCalls } from './relayed-calls';

const ANSWER_WITHIN_MS = 20_000;
/** So many lines may be on their way to a reader. */
const LINES_AHEAD = 200;

/** Asks agents: through the link if this process holds it, else through the database and the process that does. */
export class AgentCalls {
  private readonly lines: AgentLines;
  private readonly relayed: RelayedCalls;

  constructor({ lines, ...parts }: { dataSource: DataSource; box: SecretBox; pubSub: PubSub; hints: AgentHints; lines: AgentLines }) {
    this.lines = lines;
    this.relayed = new RelayedCalls(parts);
  }

  /** The answer to one question. Throws what the agent could not do, and `unreachable` when it does not answer in time. */
  async ask<K extends Exclude<CallKind, 'follow'>>(
    target: NodeTarget,
    kind: K,
    asked: CallArguments[K],
    signal: AbortSignal,
  ): Promise<CallAnswers[K]> {
    const call = await this.open(target, kind, asked);
    try {
      return answerOf(await next(target, call, signal)) as CallAnswers[K];
    } finally {
      call.close();
    }
  }

  /** The lines of a log as they are written. Resolves once the agent has answered, to null when there is no such workload. */
  async follow(target: NodeTarget, replicaId: string, { signal, ...options }: FollowOptions): Promise<AsyncIterable<LogLine> | null> {
    const call = await this.open(target, 'follow', { replicaId, options });
    try {
      if (answerOf(await next(target, call, signal)) === true) return readLines(call, signal);
    } catch (error) {
      call.close();
      throw error;
    }
    call.close();
    return null;
  }

  private async open(target: NodeTarget, kind: CallKind, asked: CallArguments[CallKind]): Promise<OpenCall> {
    const line = this.lines.of(target.id) ?? this.relayed.to(target.id);
    return line.open(kind, asked);
  }
}

/** The first part of an answer, within the time that one may take. */
async function next({ name }: NodeTarget, call: OpenCall, signal: AbortSignal): Promise<CallPart> {
  return within(ANSWER_WITHIN_MS, signal, async (limited) => {
    try {
      return await call.next(limited);
    } catch (error) {
      throwIfAborted(signal);
      if (isTimeUp(limited)) throw new DriverError('unreachable', `The agent of node ${name} did not answer in time`, { cause: error });
      throw error;
    }
  });
}

/** What was checked at the link to be an answer to this kind of call. */
function answerOf(part: CallPart): CallAnswers[CallKind] {
  if (part.type === 'end' && part.error) throw new DriverError(part.error.failure, part.error.message);
  if (part.type !== 'answer') throw new DriverError('timeout', 'The agent broke off its answer');
  return part.value;
}

/** Asks for more lines only as the reader takes them. Ends with the abort. */
async function* readLines(call: OpenCall, signal: AbortSignal): AsyncGenerator<LogLine, void> {
  let ahead = 0;
  try {
    for (;;) {
      if (ahead <= LINES_AHEAD / 2) {
        call.more(LINES_AHEAD - ahead);
        ahead = LINES_AHEAD;
      }
      const part = await call.next(signal);
      if (part.type === 'end' && part.error) throw new DriverError(part.error.failure, part.error.message);
      if (part.type !== 'lines') return;
      ahead -= part.lines.length;
      yield* part.lines;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    call.close();
  }
}
