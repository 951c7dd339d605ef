import { randomUUID } from 'node:crypto';
import { isRecord } from '../runtime/docker/json-lines';

/** An account as it is kept until the control plane has noted it. `upMs` counts since the boot of the machine, and nobody sets it. */
export interface KeptAccount {
  readonly id: string;
  readonly replicaId: string;
  readonly at: string;
  readonly bootId: string;
  readonly upMs: number;
  readonly words: string;
  /** Absent in what an older version of the agent has kept. */
  readonly attempt?: number;
}

/** What the agent has to remember besides its orders, as the disk has it. */
export interface Memory {
  /** Of the last welcome. */
  readonly ticket: string | null;
  /** The control plane has refused this machine, and has not let it in since: another one may stand for the node now. */
  readonly refused: boolean;
  /** The engine that belongs to the node: the first that answered after the machine had joined. Null: none has yet. */
  readonly engineId: string | null;
  /** The newest version of orders that the disk has had. */
  readonly seenVersion: number;
  /** The newest version of orders that there was when the machine was let in last: orders that are older are not all there are. */
  readonly toldVersion: number;
  readonly accounts: readonly KeptAccount[];
  /** Of each replica: which attempt its run is, where that is not the first. */
  readonly attempts: Readonly<Record<string, number>>;
  /** Of each replica: the version of the order to run by which its container was made, so that one that vanishes is not taken for a new one. */
  readonly made: Readonly<Record<string, number>>;
  /** Of each replica: the run of which the control plane knows that it has ended, and decides what follows. */
  readonly knownEnds: Readonly<Record<string, string>>;
}

/** A machine that loses its link for months forgets its oldest accounts. */
const MOST_ACCOUNTS = 1_000;

const NO_MEMORY: Memory = {
  ticket: null,
  refused: false,
  engineId: null,
  seenVersion: 0,
  toldVersion: 0,
  accounts: [],
  attempts: {},
  made: {},
  knownEnds: {},
};

export const readMemory = (value: unknown): Memory => (isRecord(value) ? { ...NO_MEMORY, ...value } : NO_MEMORY);

/** The memory of a machine that has just joined, with a token that was not used here before: who it was is over. */
export const joinedAnew = (memory: Memory): Memory => ({ ...memory, ticket: null, refused: false, engineId: null });

/** The memory with one account more. */
export function withAccount(memory: Memory, account: Omit<KeptAccount, 'id'>): Memory {
  return { ...memory, accounts: [...memory.accounts, { id: randomUUID(), ...account }].slice(-MOST_ACCOUNTS) };
}

/** The memory without replicas that have no order any more. */
export function withoutStrangers(memory: Memory, isOrdered: (replicaId: string) => boolean): Memory {
  const kept = <V>(of: Readonly<Record<string, V>>): Record<string, V> =>
    Object.fromEntries(Object.entries(of).filter(([replicaId]) => isOrdered(replicaId)));
  return { ...memory, attempts: kept(memory.attempts), made: kept(memory.made), knownEnds: kept(memory.knownEnds) };
}
