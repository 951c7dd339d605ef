import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '../runtime-driver';
import type { AgentStatesRepository } from './agent-states.repository';

const LOOK_MS = 2_000;

interface Watcher {
  readonly nodeId: string;
  readonly silent: () => void;
}

/** Notices when agents fall silent: one statement every two seconds for all nodes that the process watches, and none while it watches none. */
export class HeardAgents {
  private readonly watchers = new Set<Watcher>();
  private isLooking = false;

  constructor(private readonly states: AgentStatesRepository) {}

  /** Resolves on abort; throws `unreachable` once the agent of the node is not heard any more. */
  until(nodeId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const end = (finish: () => void): void => {
        this.watchers.delete(watcher);
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const onAbort = (): void => end(resolve);
      const silent = (): void => end(() => reject(new DriverError('unreachable', 'The agent of this node is silent')));
      const watcher: Watcher = { nodeId, silent };
      signal.addEventListener('abort', onAbort, { once: true });
      this.watchers.add(watcher);
      if (!this.isLooking) void this.look();
    });
  }

  private async look(): Promise<void> {
    this.isLooking = true;
    while (this.watchers.size > 0) {
      await sleep(LOOK_MS, undefined, { ref: false });
      const asked = [...this.watchers];
      // While the database does not answer nobody knows, and whoever asks the driver is told so.
      const heard = await this.states.heard([...new Set(asked.map(({ nodeId }) => nodeId))]).catch(() => null);
      for (const { nodeId, silent } of asked) if (heard?.has(nodeId) === false) silent();
    }
    this.isLooking = false;
  }
}
