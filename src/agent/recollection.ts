import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Account } from '../runtime/agent/link-messages';
import type { AgentLog } from './agent-log';
import type { KeptValue } from './disk/kept-value';
import { withAccount, withoutStrangers, type KeptAccount, type Memory } from './memory';

/** A clock that nobody sets, in milliseconds since the boot of the machine. */
const upMs = (): number => Math.round(uptime() * 1000);

/** Changes what the agent remembers. The disk gets it soon after; a full disk costs no more than what is remembered there. */
export class Recollection {
  private readonly bootId = readBootId();

  constructor(
    private readonly kept: KeptValue<Memory>,
    private readonly log: AgentLog,
  ) {}

  /** Resolves when the disk has what it takes. */
  settled(): Promise<void> {
    return this.kept.settled();
  }

  get memory(): Memory {
    return this.kept.current;
  }

  /** The machine was let in. Resolves when the disk has the ticket, and which version of orders there is. */
  async letIn({ ticket, ordersVersion }: { readonly ticket: string; readonly ordersVersion: number }): Promise<void> {
    this.kept.current = { ...this.memory, ticket, refused: false, toldVersion: ordersVersion };
    await this.keepWhatFits();
  }

  /** The machine was refused as that of its node. */
  refused(): void {
    if (!this.memory.refused) this.change({ ...this.memory, refused: true });
  }

  /** Whether the engine with this id belongs to the node. The first one that is asked about does, until the machine joins anew. */
  isOurs(engineId: string): boolean {
    if (this.memory.engineId === null) this.change({ ...this.memory, engineId });
    return this.memory.engineId === engineId;
  }

  /** Resolves when the disk knows that there were orders of this version, or newer ones. What is kept for replicas goes with their orders. */
  async seen(version: number, isOrdered: (replicaId: string) => boolean): Promise<void> {
    this.kept.current = { ...withoutStrangers(this.memory, isOrdered), seenVersion: Math.max(this.memory.seenVersion, version) };
    await this.keepWhatFits();
  }

  made(replicaId: string, version: number): void {
    if (this.memory.made[replicaId] === version) return;
    this.change({ ...this.memory, made: { ...this.memory.made, [replicaId]: version } });
  }

  attempt(replicaId: string, attempt: number): void {
    this.change({ ...this.memory, attempts: { ...this.memory.attempts, [replicaId]: attempt } });
  }

  /** The replica was started again, having failed so often in a row. */
  account(replicaId: string, words: string, attempt: number): void {
    this.log.info(`Replica ${replicaId}: ${words}`);
    this.change(withAccount(this.memory, { replicaId, words, attempt, at: new Date().toISOString(), bootId: this.bootId, upMs: upMs() }));
  }

  /** The control plane has these accounts, and knows of these ends. */
  noted(accountIds: ReadonlySet<string>, ends: Readonly<Record<string, string>>): void {
    const { accounts, knownEnds } = this.memory;
    const isNew = Object.entries(ends).some(([replicaId, run]) => knownEnds[replicaId] !== run);
    if (accountIds.size === 0 && !isNew) return;
    this.change({ ...this.memory, accounts: accounts.filter(({ id }) => !accountIds.has(id)), knownEnds: { ...knownEnds, ...ends } });
  }

  /** The oldest accounts, as a report tells them. */
  accounts(most: number): Account[] {
    const now = upMs();
    return this.memory.accounts.slice(0, most).map((account) => told(account, account.bootId === this.bootId ? now - account.upMs : null));
  }

  /**
   * Resolves when the disk has the memory. A full disk takes no more than it had: then the accounts, which the log has too, make room, as
   * the link is worth more.
   */
  private async keepWhatFits(): Promise<void> {
    try {
      await this.kept.keep();
    } catch (error) {
      if (this.memory.accounts.length === 0) throw error;
      const { accounts } = this.memory;
      this.kept.current = { ...this.memory, accounts: [] };
      await this.kept.keep().catch((other: unknown) => {
        // It takes nothing at all, so nothing is gained by telling less.
        this.kept.current = { ...this.memory, accounts: [...accounts, ...this.memory.accounts] };
        throw other;
      });
      this.log.warn(`The disk does not take what the agent has to tell, which stands in this log only: ${String(error)}`);
    }
  }

  private change(memory: Memory): void {
    this.kept.current = memory;
    this.kept.keep().catch((error: unknown) => this.log.warn(`The disk does not take what the agent remembers: ${String(error)}`));
  }
}

const told = ({ id, replicaId, at, words, attempt }: KeptAccount, agoMs: number | null): Account => ({
  id,
  replicaId,
  at,
  agoMs,
  words,
  ...(attempt === undefined ? {} : { attempt }),
});

/** Empty where the system does not tell it; then accounts from before a restart of the agent have no age that could be wrong. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return String(process.pid);
  }
}
