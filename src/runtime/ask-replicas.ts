import { eachAtATime } from '../common/each-at-a-time';
import { within } from '../common/within';
import type { NodeTarget } from '../engines/node-target';
import { DriverError, type RuntimeDriver } from './runtime-driver';
import type { Runtimes } from './runtimes';

/** What an engine said of a replica, or why there is nothing, in words for people. */
export type Said<T> = { readonly said: T } | { readonly error: string };

interface Question<T> {
  readonly runtimes: Runtimes;
  readonly atATimePerNode: number;
  readonly withinMs: number;
  /** What is said of a replica when the time is over. */
  readonly tooLate: string;
  readonly gone: AbortSignal;
  readonly ask: (driver: RuntimeDriver, node: NodeTarget, replicaId: string, signal: AbortSignal) => Promise<T>;
}

export interface AskedReplica {
  readonly id: string;
  readonly node: NodeTarget;
}

/**
 * Asks the engines of all these replicas at the same time and within one time limit, so a node that does not answer only costs what
 * its own replicas have to say. Once an engine does not answer, it is not asked again.
 */
export async function askReplicas<T>(replicas: readonly AskedReplica[], question: Question<T>): Promise<Map<string, Said<T>>> {
  const nodes = new Map(replicas.map(({ node }) => [node.id, node]));
  const answers = await within(question.withinMs, question.gone, (signal) =>
    Promise.all(
      [...nodes.values()].map((node) => {
        const ids = replicas.flatMap((replica) => (replica.node.id === node.id ? [replica.id] : []));
        return askNode(node, ids, { ...question, signal });
      }),
    ),
  );
  return new Map(answers.flat());
}

async function askNode<T>(
  node: NodeTarget,
  ids: readonly string[],
  { runtimes, atATimePerNode, tooLate, ask, signal }: Question<T> & { readonly signal: AbortSignal },
): Promise<[replicaId: string, Said<T>][]> {
  const driver = runtimes.driverFor(node.runtime);
  if (!driver) return ids.map((id) => [id, { error: `The ${node.runtime} runtime is not active here` }]);
  let away: Said<T> | undefined;
  const hear = async (id: string): Promise<Said<T>> => {
    try {
      return { said: await ask(driver, node, id, signal) };
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      const answer = { error: signal.aborted ? tooLate : error.message };
      if (error.failure === 'unreachable') away = answer;
      return answer;
    }
  };
  const answers: [string, Said<T>][] = [];
  await eachAtATime(atATimePerNode, ids, async (id) => {
    answers.push([id, away ?? (signal.aborted ? { error: tooLate } : await hear(id))]);
  });
  return answers;
}
