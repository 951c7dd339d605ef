import type { EngineInfo } from '../engines/engine-info';
import type { EngineIsolation } from '../engines/engine-isolation';
import type { CallPart } from '../runtime/agent/agent-line';
import type {
  Account,
  CallAnswers,
  CallKind,
  EndMessage,
  FromAgent,
  HelloMessage,
  Machine,
  OrderTrouble,
  ReportedWorkload,
  ReportMessage,
  RotateMessage,
} from '../runtime/agent/link-messages';
import type { DriverFailure, LogLine, PublishedPort, WorkloadPhase } from '../runtime/runtime-driver';
import { bytes, flag, listOf, numeric, object, oneOf, orNull, ShapeError, text, time, uuid, words, type Shape } from './shape';

const MOST_WORKLOADS = 2_000;
const VERSION = numeric(0, 2 ** 52);
const WORDS = words(1_000);
const failure: Shape<DriverFailure> = oneOf('unreachable', 'rejected', 'unfit', 'image_unavailable', 'timeout', 'aborted');
const percent = numeric(0, 100, { whole: false });

const isolation = object<EngineIsolation>({
  ociRuntimes: listOf(64, text(100)),
  defaultOciRuntime: text(100),
  userNamespaces: flag,
  rootless: flag,
  seccomp: oneOf('builtin', 'default', 'custom', 'none'),
  appArmor: flag,
  selinux: flag,
  storageLimit: oneOf('enforced', 'not_enforced', 'unknown'),
});

/** An agent is on one machine. */
const engine = object<Required<Omit<EngineInfo, 'largestMachine'>>>({
  engineId: text(200, /./),
  version: text(200),
  isolation: orNull(isolation),
  cpuCores: numeric(0, 100_000, { whole: false }),
  memoryMb: numeric(0, 1_000_000_000),
  gpuUnits: numeric(0, 10_000),
  storageGb: orNull(numeric(0, 100_000_000)),
  diskFreeGb: orNull(numeric(0, 100_000_000)),
  cpuUsagePercent: percent,
  memoryUsagePercent: percent,
  trouble: orNull(WORDS),
});

const port = object<PublishedPort>({
  containerPort: numeric(1, 65_535),
  protocol: oneOf('tcp', 'udp'),
  hostIp: text(45, /^[0-9a-f.:]*$/i),
  hostPort: numeric(1, 65_535),
});

const origin = object<NonNullable<ReportedWorkload['origin']>>({
  name: text(255),
  image: orNull(text(1_000)),
  createdAt: orNull(time),
  generation: orNull(numeric(0, 2 ** 31 - 1)),
  specDigest: orNull(text(200)),
  imageDigest: orNull(text(200)),
});

const phase: Shape<WorkloadPhase> = oneOf('starting', 'running', 'paused', 'unhealthy', 'exited');

const workload = object<Required<Omit<ReportedWorkload, 'outOfReach' | 'unordered' | 'justKilled'>>>({
  replicaId: uuid,
  deploymentId: uuid,
  containerId: text(128, /^[\w-]+$/),
  phase,
  hasRun: flag,
  startedAt: orNull(time),
  upSeconds: orNull(numeric(0, 1e10, { whole: false })),
  exitCode: orNull(numeric(-(2 ** 31), 2 ** 31)),
  reason: orNull(WORDS),
  publishedPorts: listOf(128, port),
  origin: orNull(origin),
  version: orNull(VERSION),
});

const gone = object<ReportMessage['gone'][number]>({ replicaId: uuid, version: orNull(VERSION) });
const trouble = object<OrderTrouble>({ replicaId: uuid, version: VERSION, failure, message: WORDS });
const progress = object<ReportMessage['progress'][number]>({ replicaId: uuid, words: words(300) });
const account = object<Required<Account>>({
  id: uuid,
  replicaId: uuid,
  at: time,
  agoMs: orNull(numeric(0, 1e12, { whole: false })),
  words: words(500),
  attempt: orNull(numeric(0, 1_000_000)),
});

/** The parts of a report that are read on their own: the engine, and the entries of each list. */
export const REPORT_PARTS = { engine, workloads: workload, gone, troubles: trouble, progress, accounts: account } as const;

/** How many entries each list of a report may have. */
export const REPORT_LISTS = {
  workloads: MOST_WORKLOADS,
  gone: MOST_WORKLOADS,
  troubles: MOST_WORKLOADS,
  progress: MOST_WORKLOADS,
  accounts: 500,
} as const;

const report = object<ReportMessage>({
  type: oneOf('report'),
  number: numeric(0, Number.MAX_SAFE_INTEGER),
  whole: flag,
  ordersVersion: VERSION,
  engine: orNull(engine),
  engineTrouble: orNull(WORDS),
  workloads: listOf(REPORT_LISTS.workloads, workload),
  gone: listOf(REPORT_LISTS.gone, gone),
  troubles: listOf(REPORT_LISTS.troubles, trouble),
  progress: listOf(REPORT_LISTS.progress, progress),
  accounts: listOf(REPORT_LISTS.accounts, account),
  clock: time,
});

const machine = object<Required<Machine>>({
  hostname: text(253),
  machineId: text(200, /./),
  platform: text(100),
  programVersion: text(100),
  engineId: orNull(text(200, /./)),
  hostId: orNull(text(64, /./)),
});

const hello = object<Required<HelloMessage>>({
  type: oneOf('hello'),
  protocol: numeric(0, 1_000_000),
  nodeId: uuid,
  signature: bytes(64),
  keyId: text(64, /^[0-9a-f]{64}$/),
  sessionId: text(100),
  ticket: orNull(text(200)),
  ordersVersion: VERSION,
  seenVersion: orNull(VERSION),
  machine,
});

const error: Shape<EndMessage['error']> = orNull(object({ failure, message: WORDS }));
const lines = listOf(
  1_000,
  object<LogLine>({
    time: text(30, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
    stream: oneOf('stdout', 'stderr'),
    line: text(16 * 1024),
    cut: flag,
  }),
);

const ANSWERS: { readonly [K in CallKind]: Shape<CallAnswers[K]> } = {
  logs: object({ lines: listOf(100_000, text(4_096)), cut: flag, error: orNull(WORDS) }),
  follow: flag,
  offersImage: flag,
  sample: orNull(
    object<Required<Omit<NonNullable<CallAnswers['sample']>, 'coresInUse'>>>({
      takenAt: time,
      cpuSeconds: numeric(0, 1e12, { whole: false }),
      clockSeconds: numeric(0, 1e12, { whole: false }),
      memoryUsedMb: numeric(0, 1e9, { whole: false }),
      network: orNull(object({ rxBytes: numeric(0, 2 ** 53, { whole: false }), txBytes: numeric(0, 2 ** 53, { whole: false }) })),
    }),
  ),
};

const rotate = object<RotateMessage>({ type: oneOf('rotate'), publicKey: bytes(32), signature: bytes(64) });
const reply = object<{ type: 'answer' | 'lines' | 'end'; id: string }>({ type: oneOf('answer', 'lines', 'end'), id: uuid });

/** A message of an agent that is linked. Parts of answers are read with `partOf`, as what they may be depends on the question. */
export type LinkedMessage = Exclude<FromAgent, { type: 'hello' | 'answer' | 'lines' | 'end' }> | { type: 'part'; id: string; raw: object };

/** Reads the first message of a connection. Throws a ShapeError. */
export const helloOf = (raw: string): HelloMessage => hello(parsed(raw), 'hello');

/** Reads any later one. Throws a ShapeError. */
export function messageOf(raw: string): LinkedMessage {
  const message = parsed(raw);
  switch (Reflect.get(message, 'type')) {
    case 'report':
      return report(message, 'report');
    case 'resend':
      return { type: 'resend' };
    case 'rotate':
      return rotate(message, 'rotate');
    default:
      return { type: 'part', id: reply(message, 'message').id, raw: message };
  }
}

/** Reads a part of the answer to a question of this kind. Throws a ShapeError. */
export function partOf(kind: CallKind, raw: object): CallPart {
  switch (Reflect.get(raw, 'type')) {
    case 'answer':
      return { type: 'answer', value: ANSWERS[kind](Reflect.get(raw, 'value'), 'answer') };
    case 'lines':
      return { type: 'lines', lines: lines(Reflect.get(raw, 'lines'), 'lines') };
    default:
      return { type: 'end', error: error(Reflect.get(raw, 'error'), 'end') };
  }
}

function parsed(raw: string): object {
  try {
    const value: unknown = JSON.parse(raw);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Answered below.
  }
  throw new ShapeError('A message is not a JSON object');
}
