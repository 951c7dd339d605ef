import { FairTurns, type TurnLimits } from '../../common/fair-turns';

/** Who may pull images on an engine, and when. */
export interface PullTurns {
  /** Runs `work` when it is the owner's turn on this node. Rejects with the signal's reason when that fires before. */
  run<T>(place: PullPlace, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export interface PullPlace {
  readonly nodeId: string;
  readonly ownerId: string;
}

/** The turns of one process: for engines that no other one asks, such as that of an agent. */
export class OwnPullTurns implements PullTurns {
  private readonly nodes = new Map<string, FairTurns>();

  constructor(private readonly limits: TurnLimits) {}

  async run<T>({ nodeId, ownerId }: PullPlace, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turns = this.nodes.get(nodeId) ?? new FairTurns(this.limits);
    this.nodes.set(nodeId, turns);
    try {
      return await turns.run(ownerId, signal, work);
    } finally {
      if (turns.idle) this.nodes.delete(nodeId);
    }
  }
}
