import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';
import { within } from '../../common/within';

/** So many lists of one engine are made at a time; who asks meanwhile shares the next one. */
const MOST_AT_A_TIME = 2;
const LIST_MS = 10_000;

interface Question {
  readonly labels: readonly string[];
  readonly signal: AbortSignal;
}

interface Waiting extends Question {
  readonly resolve: (list: Promise<unknown>) => void;
}

interface Engine {
  running: number;
  waiting: Waiting[];
}

/**
 * Lists of containers, shared by those who ask at the same time. An engine looks at all of its containers for each list and
 * makes them one after the other, so that a hundred lists at once hold up everything else there. A list that is shared has begun
 * after the last of its callers asked, and contains all that any of them wants.
 */
export class SharedLists {
  private readonly engines = new WeakMap<Docker, Engine>();

  /** `all` are the labels that every wanted container has. The answer is the engine's own, and may contain more than was asked for. */
  constructor(private readonly all: readonly string[]) {}

  /** The containers with these labels, `all` among them. Never answers one whose signal aborts before the list begins. */
  ask(client: Docker, question: Question): Promise<unknown> {
    const engine = this.engines.get(client) ?? { running: 0, waiting: [] };
    this.engines.set(client, engine);
    if (engine.running < MOST_AT_A_TIME) return this.list(client, engine, [question]);
    return new Promise((resolve) => engine.waiting.push({ ...question, resolve }));
  }

  private async list(client: Docker, engine: Engine, questions: readonly Question[]): Promise<unknown> {
    const [first] = questions;
    const label = questions.length === 1 && first ? first.labels : this.all;
    const ended = new AbortController();
    engine.running += 1;
    try {
      return await within(LIST_MS, whenAllHaveLeft(questions, ended.signal), (abortSignal): Promise<ContainerInfo[]> =>
        client.listContainers({ all: true, filters: { label: [...label] }, abortSignal }),
      );
    } finally {
      ended.abort();
      engine.running -= 1;
      this.next(client, engine);
    }
  }

  private next(client: Docker, engine: Engine): void {
    const questions = engine.waiting.splice(0).filter(({ signal }) => !signal.aborted);
    if (questions.length === 0) return;
    const list = this.list(client, engine, questions);
    for (const { resolve } of questions) resolve(list);
  }
}

/** Aborts when nobody wants the list any more, and not because of one of several callers. Listens until `ended`. */
function whenAllHaveLeft(questions: readonly Question[], ended: AbortSignal): AbortSignal {
  const left = new AbortController();
  let wanted = questions.length;
  const leave = (): void => {
    wanted -= 1;
    if (wanted === 0) left.abort();
  };
  for (const { signal } of questions) {
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true, signal: ended });
  }
  return left.signal;
}
