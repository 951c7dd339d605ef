import { abortWith } from '../../common/abort-with';
import { within } from '../../common/within';
import type { NodeTarget } from '../../engines/node-target';
import type { CallAnswers, CallKind, CallMessage, FromAgent } from '../../runtime/agent/link-messages';
import { DriverError, type RuntimeDriver } from '../../runtime/runtime-driver';
import { FollowedLog } from './followed-log';

/** Far more than people look at, and little for a small machine. */
const MOST_AT_ONCE = 32;
const ANSWER_WITHIN_MS = 15_000;
/** A longer answer would end the connection, and JSON writes some bytes as six. */
const MOST_LOG_BYTES = 512 * 1024;
const MOST_LOG_LINES = 10_000;

export type Asked = Pick<RuntimeDriver, 'logs' | 'follow' | 'sample' | 'offersImage'>;

/** Answers the questions of one connection. They change nothing, are limited in number and size, and end with the connection. */
export class Calls {
  private readonly open = new Map<string, AbortController>();
  private readonly followed = new Map<string, FollowedLog>();
  private readonly ending = new AbortController();

  constructor(
    private readonly driver: Asked,
    private readonly target: NodeTarget,
    private readonly send: (message: FromAgent) => void,
  ) {}

  /** Begins to answer. A call with the id of one that is open is a doubled message. */
  begin(call: CallMessage): void {
    const { id } = call;
    if (this.open.has(id)) return;
    if (this.open.size >= MOST_AT_ONCE) {
      this.send({ type: 'end', id, error: { failure: 'timeout', message: `The agent answers ${MOST_AT_ONCE} questions at a time` } });
      return;
    }
    const controller = abortWith(this.ending.signal);
    this.open.set(id, controller);
    void this.answer(call, controller.signal)
      .catch((error: unknown) => {
        if (!controller.signal.aborted) this.send({ type: 'end', id, error: failureOf(error) });
      })
      .finally(() => {
        controller.abort();
        this.open.delete(id);
        this.followed.delete(id);
      });
  }

  more(id: string, lines: number): void {
    this.followed.get(id)?.more(lines);
  }

  cancel(id: string): void {
    this.open.get(id)?.abort();
  }

  stop(): void {
    this.ending.abort();
  }

  private async answer(call: CallMessage, signal: AbortSignal): Promise<void> {
    const { driver, target } = this;
    if (call.call === 'follow') return this.follow(call, signal);
    await within(ANSWER_WITHIN_MS, signal, async (limited) => {
      switch (call.call) {
        case 'logs': {
          const { replicaId, limits } = call.arguments;
          const bounded = {
            ...limits,
            tailLines: Math.min(limits.tailLines, MOST_LOG_LINES),
            maxBytes: Math.min(limits.maxBytes, MOST_LOG_BYTES),
          };
          this.say(call.id, await driver.logs(target, replicaId, bounded, limited));
          return;
        }
        case 'sample': {
          const sample = await driver.sample(target, call.arguments.replicaId, limited);
          this.say(call.id, sample && { ...sample, takenAt: sample.takenAt.toISOString() });
          return;
        }
        case 'offersImage':
          this.say(call.id, await driver.offersImage(target, call.arguments, limited));
          return;
        default:
          throw unknownQuestion(call);
      }
    });
  }

  private async follow(
    { id, arguments: { replicaId, options } }: Extract<CallMessage, { call: 'follow' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const log = new FollowedLog();
    this.followed.set(id, log);
    const lines = await this.driver.follow(this.target, replicaId, { ...options, signal });
    this.say(id, lines !== null);
    if (lines === null) return;
    await log.pass(lines, signal, (some) => this.send({ type: 'lines', id, lines: some }));
    if (!signal.aborted) this.send({ type: 'end', id, error: null });
  }

  private say(id: string, value: CallAnswers[CallKind]): void {
    this.send({ type: 'answer', id, value });
  }
}

/** A newer control plane asks what this version cannot answer; without a word it would wait for the answer. */
const unknownQuestion = (call: never): DriverError => {
  const asked: unknown = Reflect.get(call, 'call');
  return new DriverError('unfit', `The agent of this machine does not know the question "${String(asked).slice(0, 40)}": update the agent`);
};

const failureOf = (error: unknown): { failure: DriverError['failure']; message: string } =>
  error instanceof DriverError
    ? { failure: error.failure, message: error.message }
    : { failure: 'timeout', message: 'The engine of this node did not answer in time' };
