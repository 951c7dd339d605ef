import { isRecord } from '../../runtime/docker/json-lines';
import type { KeptValue } from '../disk/kept-value';
import { keyIdOf, makeKeyPair, signedBy, type KeyPair } from './key-pair';

/** What the agent is called, once it has joined. */
export interface Joined {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly installationId: string;
  /** SHA-256 of the join token that was used, so that another one is noticed. */
  readonly tokenHash: string;
}

/** Who the agent is, as the disk has it. */
export interface KeptIdentity {
  readonly keys: KeyPair;
  /** The key that takes over, from before the control plane hears of it. */
  readonly nextKeys: KeyPair | null;
  readonly machineId: string;
  readonly joined: Joined | null;
}

const DAY_MS = 86_400_000;

/** Reads what `KeptIdentity` wrote; null for anything else. */
export function readIdentity(value: unknown): KeptIdentity | null {
  return isRecord(value) && isRecord(value.keys) && typeof value.machineId === 'string' ? (value as unknown as KeptIdentity) : null;
}

/**
 * The keys of the agent. A new key is on the disk before the control plane hears of it, and the old one stays until the new one has
 * been noted: a rotation that is cut at any point leaves a key that is good.
 */
export class Identity {
  private usesNext = false;

  constructor(
    private readonly kept: KeptValue<KeptIdentity>,
    private readonly keyDays: number,
  ) {}

  /** Resolves when no key is being written. */
  settled(): Promise<void> {
    return this.kept.settled();
  }

  get joined(): Joined | null {
    return this.kept.current.joined;
  }

  get machineId(): string {
    return this.kept.current.machineId;
  }

  get publicKey(): string {
    return this.keys.publicKey;
  }

  get keyId(): string {
    return keyIdOf(this.keys);
  }

  sign(text: string): string {
    return signedBy(this.keys, text);
  }

  async join(joined: Joined, machineId: string): Promise<void> {
    await this.kept.replace({ ...this.kept.current, joined, machineId });
  }

  /**
   * The key that is to take over, or null while the present one is young enough. One from the future counts as old: its age is not known,
   * as the clock was wrong when it was made, or is now.
   */
  async nextKey(now: Date): Promise<KeyPair | null> {
    const { keys, nextKeys } = this.kept.current;
    if (nextKeys !== null) return nextKeys;
    const ageMs = now.getTime() - Date.parse(keys.madeAt);
    if (ageMs > -DAY_MS && ageMs < this.keyDays * DAY_MS) return null;
    const made = makeKeyPair(now);
    await this.kept.replace({ ...this.kept.current, nextKeys: made });
    return made;
  }

  /** The control plane knows the new key; it is used from the next hello on. */
  async rotated(keyId: string): Promise<void> {
    const { nextKeys } = this.kept.current;
    if (nextKeys === null || keyIdOf(nextKeys) !== keyId) return;
    await this.kept.replace({ ...this.kept.current, keys: nextKeys, nextKeys: null });
  }

  /** The key was refused: the other one of a rotation is used from the next hello on. False where there is none that was not tried just now. */
  tryOtherKey(): boolean {
    this.usesNext = !this.usesNext && this.kept.current.nextKeys !== null;
    return this.usesNext;
  }

  /** The key was taken. Where it is the next one of a rotation, the one before has ended. */
  async welcomed(): Promise<void> {
    if (this.usesNext) await this.rotated(this.keyId);
    this.usesNext = false;
  }

  private get keys(): KeyPair {
    const { keys, nextKeys } = this.kept.current;
    return this.usesNext ? (nextKeys ?? keys) : keys;
  }
}
