import { Injectable } from '@nestjs/common';
import { DriverError } from '../runtime/runtime-driver';

/** A node that owes an answer for so long is not asked anything else before it has given it. */
const PATIENCE_MS = 2_000;
/**
 * A node that did not answer is asked again by one caller after a second, then after two, four and eight, and then every ten.
 * The others are told meanwhile that it is silent.
 */
const ASK_AGAIN_MS = 1_000;
const LONGEST_MS = 10_000;

interface Known {
  /** How many questions are open, and since when the node owes an answer; null when none is open. */
  open: number;
  owesSince: number | null;
  /** How often in a row it did not answer, why, and when it may be asked again. */
  vain: number;
  words: string;
  askAgainAt: number;
  /** One caller asks for all at this moment. */
  isAskedForAll: boolean;
}

/**
 * What this process knows of engines that do not answer, so that one that hangs costs a few waiting calls and not one for every
 * deployment that it has. Only a guess: every silence ends by itself, and the sync of a node asks in any case.
 */
@Injectable()
export class SilentNodes {
  private readonly nodes = new Map<string, Known>();

  /** `now` is in milliseconds; only differences between its values count. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Why the node is not to be asked now, in words; null when it may be. The first to ask after a silence asks for all. */
  wordsOf(nodeId: string): string | null {
    const known = this.nodes.get(nodeId);
    if (!known) return null;
    if (known.owesSince !== null && this.now() - known.owesSince > PATIENCE_MS) {
      return known.words === '' ? `no answer for ${Math.floor((this.now() - known.owesSince) / 1000)} s` : known.words;
    }
    if (known.vain === 0) return null;
    if (this.now() < known.askAgainAt) return known.words;
    known.askAgainAt = this.now() + LONGEST_MS;
    known.isAskedForAll = true;
    return null;
  }

  /** How often in a row the node has not answered. */
  vainOf(nodeId: string): number {
    return this.nodes.get(nodeId)?.vain ?? 0;
  }

  /** Asks the node, and remembers whether it answered. A refusal is an answer; work that was called off says nothing. */
  async ask<T>(nodeId: string, question: () => Promise<T>): Promise<T> {
    const known = this.known(nodeId);
    known.open += 1;
    known.owesSince ??= this.now();
    try {
      const answer = await question();
      this.noteAnswer(known);
      return answer;
    } catch (error) {
      if (isSilence(error)) this.noteSilence(nodeId, error.message);
      else if (!isCalledOff(error)) this.noteAnswer(known);
      throw error;
    } finally {
      known.open -= 1;
      if (known.open === 0) known.owesSince = null;
      if (known.open === 0 && known.vain === 0) this.nodes.delete(nodeId);
    }
  }

  /** Several silences in one pause count as one. */
  noteSilence(nodeId: string, words: string): void {
    const known = this.known(nodeId);
    known.words = words;
    if (known.vain > 0 && this.now() < known.askAgainAt && !known.isAskedForAll) return;
    known.askAgainAt = this.now() + Math.min(LONGEST_MS, ASK_AGAIN_MS * 2 ** Math.min(known.vain, 10));
    known.vain += 1;
    known.isAskedForAll = false;
  }

  private noteAnswer(known: Known): void {
    Object.assign(known, { owesSince: this.now(), vain: 0, words: '', askAgainAt: 0, isAskedForAll: false } satisfies Partial<Known>);
  }

  private known(nodeId: string): Known {
    const known = this.nodes.get(nodeId) ?? { open: 0, owesSince: null, vain: 0, words: '', askAgainAt: 0, isAskedForAll: false };
    this.nodes.set(nodeId, known);
    return known;
  }
}

const isSilence = (error: unknown): error is DriverError =>
  error instanceof DriverError && (error.failure === 'unreachable' || error.failure === 'timeout');

const isCalledOff = (error: unknown): boolean => error instanceof DriverError && error.failure === 'aborted';
