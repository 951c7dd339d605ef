import type { EngineInfo } from '../../engines/engine-info';
import type {
  DriverFailure,
  FollowOptions,
  LogLimits,
  LogLine,
  ObservedWorkload,
  WantedImage,
  WorkloadLog,
  WorkloadSample,
  WorkloadSpec,
} from '../runtime-driver';

/*
 * What an agent and the control plane say to each other, over one WebSocket that the agent opens: `GET /api/agents/link`. Each message is one
 * JSON object in one text frame, with its kind in `type`. docs/edge.md tells the story; this file is the law.
 *
 *   agent                                            control plane
 *     |  ------------- opens the WebSocket ------------>  |
 *     |  <------------ challenge -----------------------  |
 *     |  ------------- hello (signs the challenge) ---->  |
 *     |  <------------ welcome | refused ---------------  |
 *     |  <------------ orders (whole state or a step) --  |   whenever what the node should run has changed
 *     |  ------------- report (what is there) --------->  |   at the start, and whenever it has changed, at most once a second
 *     |  <------------ noted ---------------------------  |   the report is in the database: the agent may forget its accounts
 *     |  <------------ call / more / cancel ------------  |   logs, statistics: questions, never orders
 *     |  ------------- answer / lines / end ----------->  |
 *
 * Orders are state: each carries the whole will for one replica and a version that only grows on its node. A lost or doubled message changes
 * nothing. Whoever of the two misses something says the version that it has, and gets the rest.
 */

/** The versions of this protocol that the program speaks. A peer outside of them is told so in words and stays away. */
export const LINK_PROTOCOLS = { oldest: 1, newest: 1 } as const;

/** The largest message of either side, in bytes. A longer one ends the connection. */
export const LARGEST_MESSAGE_BYTES = 4 * 1024 * 1024;

/** The control plane pings so often, in milliseconds, and both sides take the link for broken after three intervals of silence. */
export const LINK_PING_MS = 20_000;

/** What is wanted of one replica. Health checks of its spec are the agent's own work, but for commands, which the engine runs. */
export type OrderWill = 'run' | 'suspend' | 'absent';

/**
 * What the node should have of one replica. `version` is unique on its node and grows with every change of any order there. An
 * agent keeps the newest order of each replica on its disk, and never acts by an older one than it has seen.
 */
export interface Order {
  readonly replicaId: string;
  readonly version: number;
  readonly will: OrderWill;
  /** Null when the will is `absent`. Its environment lies encrypted on the disk of the agent. */
  readonly spec: WorkloadSpec | null;
  /** Time between SIGTERM and SIGKILL when it is stopped. */
  readonly graceSeconds: number;
  /** As `EnsureOptions.resumeRunAt`, an ISO time: a suspended run that is to go on. */
  readonly resumeRunAt: string | null;
  /** How often in a row the replica, or those that it stands in for, had failed before it was ordered; absent: the control plane does not say. */
  readonly attempt?: number;
  /** As `NodeTarget.ociRuntime`: what new containers run under; null: the engine's own choice. */
  readonly ociRuntime: string | null;
}

/** The orders of a node, or those that have changed after `since`. `version`: the newest of all orders of the node. */
export interface OrdersMessage {
  readonly type: 'orders';
  /** The state that this step builds on; an agent that has another one answers with `resend`. Null: these are all orders there are. */
  readonly since: number | null;
  readonly version: number;
  readonly orders: readonly Order[];
  /** Replicas whose `absent` is done and noted; the agent forgets their orders. */
  readonly forget: readonly string[];
}

/** The agent has not got the state that a step builds on. The control plane answers with all orders. */
interface ResendMessage {
  readonly type: 'resend';
}

/** `ObservedWorkload` on the wire: times are ISO 8601 texts. `version`: the order by which the agent last acted for it; null: none is known. */
export interface ReportedWorkload extends Omit<ObservedWorkload, 'startedAt' | 'origin'> {
  readonly startedAt: string | null;
  readonly origin: (Omit<NonNullable<ObservedWorkload['origin']>, 'createdAt'> & { readonly createdAt: string | null }) | null;
  readonly version: number | null;
}

/** An order that could not be carried out yet, as the Docker driver says it. The agent goes on trying unless the failure is `rejected`. */
export interface OrderTrouble {
  readonly replicaId: string;
  readonly version: number;
  readonly failure: DriverFailure;
  readonly message: string;
}

/** Something that the agent did by itself while the link was away. `at` is by the clock of the machine; see `agoMs`. */
export interface Account {
  /** Unique, so that a report that is sent twice is noted once. */
  readonly id: string;
  readonly replicaId: string;
  readonly at: string;
  /** How long ago it was when the report was made, by a clock that nobody sets: the clock of the machine may be wrong. Null after a reboot. */
  readonly agoMs: number | null;
  /** In words: `Exited with code 1, and was started again by the agent after 3 failures in a row`. */
  readonly words: string;
  /** How often in a row the replica had failed when it was started again, as `Order.attempt` counts; absent: the agent does not say. */
  readonly attempt?: number | null;
}

/** What is there. Complete when `whole`; otherwise what has changed since the last report on this connection. */
export interface ReportMessage {
  readonly type: 'report';
  /** Grows by one with each report of a connection. */
  readonly number: number;
  readonly whole: boolean;
  /** The newest version of orders that the agent has on its disk. */
  readonly ordersVersion: number;
  /** Null when the engine does not answer the agent; `engineTrouble` says why. Then `workloads` and `gone` are empty, and nothing is known. */
  readonly engine: EngineInfo | null;
  readonly engineTrouble: string | null;
  readonly workloads: readonly ReportedWorkload[];
  /** Workloads that were reported and are confirmed gone, and orders of will `absent` that are done, by their replicas. */
  readonly gone: readonly { readonly replicaId: string; readonly version: number | null }[];
  readonly troubles: readonly OrderTrouble[];
  /** Words such as `Pulling image nginx:1.27: 34 of 80 MB`, by replica. */
  readonly progress: readonly { readonly replicaId: string; readonly words: string }[];
  /** The oldest first. */
  readonly accounts: readonly Account[];
  /** The time of the machine's clock, ISO 8601. */
  readonly clock: string;
}

/** The report with this number is in the database. */
interface NotedMessage {
  readonly type: 'noted';
  readonly number: number;
}

export interface ChallengeMessage {
  readonly type: 'challenge';
  /** 32 random bytes, base64url. */
  readonly nonce: string;
  readonly protocols: { readonly oldest: number; readonly newest: number };
}

/** The machine as it describes itself. `machineId` is the engine's id, or what the agent made up at its first start. */
export interface Machine {
  readonly hostname: string;
  readonly machineId: string;
  readonly platform: string;
  readonly programVersion: string;
  /** Of the engine that answers now; null: none does. A copy of the agent's folder on another machine shows another one. */
  readonly engineId?: string | null;
  /** A hash of what the system of the machine calls it; null: it has no name. */
  readonly hostId?: string | null;
}

export interface HelloMessage {
  readonly type: 'hello';
  readonly protocol: number;
  readonly nodeId: string;
  /** Ed25519 over `linkProof(nonce, nodeId, sessionId)`, base64url. */
  readonly signature: string;
  /** Which key signed: the SHA-256 of its raw 32 bytes, hex. Old and new key are both good while a rotation is under way. */
  readonly keyId: string;
  /** Made anew at each start of the agent. While another start holds the link and answers, this one is a second machine. */
  readonly sessionId: string;
  /**
   * The ticket of the last welcome that reached the disk; null at the first time. A copy of the machine has the same key, and one
   * of the two comes with an older ticket: that is how a second machine is noticed.
   */
  readonly ticket: string | null;
  /** The version of the orders that the agent has. */
  readonly ordersVersion: number;
  /** The newest version that it has ever had, if that is known: its orders may be damaged, and it goes by none that are older. */
  readonly seenVersion?: number | null;
  readonly machine: Machine;
}

export interface WelcomeMessage {
  readonly type: 'welcome';
  readonly installationId: string;
  readonly nodeName: string;
  /** To be kept on disk before the first report, and shown at the next hello. */
  readonly ticket: string;
  /** How often a changed state may be reported at most, in milliseconds. */
  readonly reportEveryMs: number;
  /** The newest version of orders that the control plane knows. An agent that has seen a newer one refuses it: the database was set back. */
  readonly ordersVersion: number;
}

export type LinkRefusal = 'unknown_node' | 'wrong_key' | 'second_machine' | 'other_engine' | 'protocol' | 'try_later' | 'too_far_ahead';

/** The last message of a connection. Only after `try_later` may the agent come again by itself soon; after others it waits for minutes. */
export interface RefusedMessage {
  readonly type: 'refused';
  readonly code: LinkRefusal;
  /** For the log of the agent: what is wrong and what to do. */
  readonly message: string;
}

/** A new public key, raw 32 bytes as base64url, with the signature of the new key over `rotationProof(nodeId, publicKey)`. */
export interface RotateMessage {
  readonly type: 'rotate';
  readonly publicKey: string;
  readonly signature: string;
}

/** The new key is noted. The old one ends when the new one is used for the first time. */
interface RotatedMessage {
  readonly type: 'rotated';
  readonly keyId: string;
}

/** Questions that are answered by the machine at once and change nothing that is wanted there. */
export interface CallArguments {
  readonly logs: { readonly replicaId: string; readonly limits: LogLimits };
  readonly follow: { readonly replicaId: string; readonly options: Omit<FollowOptions, 'signal'> };
  readonly sample: { readonly replicaId: string };
  readonly offersImage: WantedImage;
}

export interface CallAnswers {
  readonly logs: WorkloadLog;
  /** False: there is no such workload. True: lines follow. */
  readonly follow: boolean;
  readonly sample: (Omit<WorkloadSample, 'takenAt'> & { readonly takenAt: string }) | null;
  readonly offersImage: boolean;
}

export type CallKind = keyof CallArguments;

export type CallMessage = {
  readonly [Kind in CallKind]: { readonly type: 'call'; readonly id: string; readonly call: Kind; readonly arguments: CallArguments[Kind] };
}[CallKind];

/** The reader of a followed log takes so many more lines. Before the first of these messages none are sent. */
interface MoreMessage {
  readonly type: 'more';
  readonly id: string;
  readonly lines: number;
}

interface CancelMessage {
  readonly type: 'cancel';
  readonly id: string;
}

interface AnswerMessage {
  readonly type: 'answer';
  readonly id: string;
  readonly value: CallAnswers[CallKind];
}

interface LinesMessage {
  readonly type: 'lines';
  readonly id: string;
  readonly lines: readonly LogLine[];
}

/** The end of a call: of followed lines, or of one that failed. */
export interface EndMessage {
  readonly type: 'end';
  readonly id: string;
  readonly error: { readonly failure: DriverFailure; readonly message: string } | null;
}

export type FromAgent = HelloMessage | ReportMessage | ResendMessage | RotateMessage | AnswerMessage | LinesMessage | EndMessage;
export type ToAgent =
  | ChallengeMessage
  | WelcomeMessage
  | RefusedMessage
  | OrdersMessage
  | NotedMessage
  | RotatedMessage
  | CallMessage
  | MoreMessage
  | CancelMessage;

/** What an agent signs to show that it has the key of its node, for this challenge only. */
export const linkProof = (nonce: string, nodeId: string, sessionId: string): string =>
  `fog-compute link\n${nonce}\n${nodeId}\n${sessionId}`;

/** What the new key signs when it takes over. */
export const rotationProof = (nodeId: string, publicKey: string): string => `fog-compute rotation\n${nodeId}\n${publicKey}`;
