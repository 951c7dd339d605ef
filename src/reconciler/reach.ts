import { unreachedPorts, unreachedWords, type Published } from '../deployments/domain/reach';
import type { ReplicaFacts, ReplicaMove } from '../deployments/replicas.repository';
import type { Judgement } from './judge';
import type { PlanInput, PlanReplica } from './plan.types';

type Routed = Pick<PlanInput['deployment'], 'routedPorts'>;

/** A replica with what is about to be recorded of it. */
interface Seen {
  readonly replica: Pick<PlanReplica, 'published'>;
  readonly move?: Pick<ReplicaMove, 'published'> | undefined;
  readonly refresh?: Pick<ReplicaFacts, 'published'> | undefined;
}

/** The ports of a replica as they are recorded once what was seen now is written. */
export const publishedOf = ({ replica, move, refresh }: Seen): Published => move?.published ?? refresh?.published ?? replica.published;

/** The routed ports at which no router reaches a replica, as it is seen now. */
const unreached = (judgement: Judgement, { routedPorts }: Routed): number[] =>
  unreachedPorts({ nodePlace: judgement.replica.nodePlace, published: publishedOf(judgement) }, routedPorts);

/** True for a replica that routers reach at every routed port. Without routes, or without routers, nothing is asked of it. */
export const isReached = (judgement: Judgement, deployment: Routed): boolean => unreached(judgement, deployment).length === 0;

/** True for a replica that answers requests for some route. */
export const answersSome = (judgement: Judgement, deployment: Routed): boolean =>
  deployment.routedPorts.length === 0 || unreached(judgement, deployment).length < deployment.routedPorts.length;

/** Which of these running replicas no router reaches, and what would help, in words for people. Null: all are reached. */
export function waitsForReachWords(judged: readonly Judgement[], { routedPorts }: Routed): string | null {
  const running = judged.filter(({ status }) => status === 'running');
  const words = unreachedWords(
    running.map((judgement) => ({ ...judgement.replica, published: publishedOf(judgement) })),
    routedPorts,
  );
  return words.length === 0 ? null : words.join('; ');
}
