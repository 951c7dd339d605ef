import { setTimeout as sleep } from 'node:timers/promises';
import type { LinkRefusal } from '../../runtime/agent/link-messages';
import { fullJitterMs } from '../back-off';
import { Connection, type Ending } from './connection';
import { Session, type SessionParts } from './session';
import type { Way } from './way';

/** After a refusal that will not pass by itself. */
const REFUSED_MS = 300_000;
const RESTARTED_MS = 1_000;

/** Those by which this machine is not that of its node, or may not be. */
const NOT_THIS_MACHINE: readonly LinkRefusal[] = ['unknown_node', 'wrong_key', 'second_machine', 'other_engine'];

export interface LinkParts extends Omit<SessionParts, 'onRefused' | 'engineId'> {
  /** Never rejects. */
  readonly engineId: (signal: AbortSignal) => Promise<string | null>;
  /** The control plane says that this machine is not that of its node. */
  readonly onRefused: () => void;
  readonly way: Way;
  readonly pingMs?: number;
}

/**
 * Keeps the link up: opens a connection, waits for its end, and opens the next one; at once where the control plane was only
 * restarted, after a random pause that grows to a minute where it is not reached, and after minutes where it refuses this agent.
 */
export class Link {
  private upMs: number | null = null;
  private downMs = performance.now();

  constructor(private readonly parts: LinkParts) {}

  /** For how long there has been no link; 0 while there is one. */
  get awayMs(): number {
    return this.upMs === null ? performance.now() - this.downMs : 0;
  }

  /** Resolves after the abort. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      const { ending, wasUp, refused } = await this.connect(signal);
      if (isOver()) return;
      failures = wasUp ? 1 : failures + 1;
      const pauseMs = refused
        ? REFUSED_MS * (1 + Math.random())
        : ending.clean
          ? RESTARTED_MS * Math.random()
          : fullJitterMs(failures, Math.random());
      this.parts.log.warn(`${ending.words}. Trying again in ${(pauseMs / 1000).toFixed(1)} s`);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async connect(signal: AbortSignal): Promise<{ ending: Ending; wasUp: boolean; refused: boolean }> {
    const seen = { refused: false, wasUp: false };
    // Asked before the connection is opened, since a control plane waits for a hello only so long.
    const engineId = await this.parts.engineId(signal);
    const session = new Session({
      ...this.parts,
      engineId,
      onUp: (up) => {
        this.upMs = performance.now();
        this.parts.onUp(up);
      },
      onRefused: ({ code }) => {
        // A rotation may have ended without the agent: the next key may be the one that is known.
        seen.refused = code !== 'try_later' && !(code === 'wrong_key' && this.parts.identity.tryOtherKey());
        if (NOT_THIS_MACHINE.includes(code)) this.parts.onRefused();
      },
    });
    const ending = await Connection.run({
      way: this.parts.way,
      signal,
      ...(this.parts.pingMs === undefined ? {} : { pingMs: this.parts.pingMs }),
      onMessage: (message, connection) => session.receive(message, connection),
      onClose: () => {
        seen.wasUp = this.upMs !== null;
        if (seen.wasUp) this.downMs = performance.now();
        this.upMs = null;
        session.end();
      },
    });
    return { ending, wasUp: seen.wasUp, refused: seen.refused || session.isRefusing };
  }
}
