import { REPORT_LISTS, REPORT_PARTS } from '../../agents/message-shapes';
import { ShapeError, words, type Shape } from '../../agents/shape';
import { sentences } from '../../common/sentences';
import { LARGEST_MESSAGE_BYTES, type ReportedWorkload, type ReportMessage } from '../../runtime/agent/link-messages';
import type { Sight } from './sight';

/** Words are cut to so many characters, in turn, until the report fits into a message. */
const SHORTER = [200, 40] as const;

/** What a replica can be told without. */
const WITHOUT_DETAILS = { startedAt: null, upSeconds: null, exitCode: null, reason: null, publishedPorts: [], origin: null } as const;

/**
 * What there is to report without what the control plane would end the link for. An entry that it cannot read, such as that of a container
 * with labels like ours that somebody made by hand, is left out; one of a replica is told without what is odd about it, as a replica that is
 * not in the report is taken for gone. Of more containers than a report takes, those that no order is about are left out, and the node says so.
 * `leftOut` says in words what is not told. Pure.
 */
export function fittingSight(
  sight: Sight,
  isOrdered: (replicaId: string) => boolean,
): { readonly sight: Sight; readonly leftOut: readonly string[] } {
  const leftOut = new Set<string>();
  const read = <T>(shape: Shape<T>, value: unknown, at: string): T[] => {
    try {
      return [shape(value, at)];
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      leftOut.add(error.message);
      return [];
    }
  };
  const list = <T>(name: keyof typeof REPORT_LISTS, shape: Shape<T>, entries: readonly unknown[]): T[] => {
    const fitting = entries.flatMap((entry) => read(shape, entry, name));
    if (fitting.length > REPORT_LISTS[name]) leftOut.add(`${name} has ${fitting.length} entries, of which ${REPORT_LISTS[name]} are told`);
    return fitting.slice(0, REPORT_LISTS[name]);
  };
  const workload = (each: ReportedWorkload): ReportedWorkload[] => {
    const whole = read(REPORT_PARTS.workloads, each, 'workloads');
    return whole.length > 0 ? whole : read(REPORT_PARTS.workloads, withReadable(each), 'workloads');
  };
  const engine = sight.engine && (read(REPORT_PARTS.engine, sight.engine, 'engine')[0] ?? null);
  const readable = sight.workloads.flatMap(workload);
  const { workloads, crowd } = withinList(readable, isOrdered);
  const trouble = blindness(sight, engine, workloads.length);
  if (crowd !== null) leftOut.add('containers that no order is about, as there are more than a report takes');
  const fitting: Sight = {
    ordersVersion: sight.ordersVersion,
    engine: trouble === null ? engine && { ...engine, trouble: sentences(engine.trouble, crowd) } : null,
    engineTrouble: trouble ?? sight.engineTrouble,
    workloads: trouble === null ? workloads : [],
    gone: trouble === null ? list('gone', REPORT_PARTS.gone, sight.gone) : [],
    troubles: list('troubles', REPORT_PARTS.troubles, sight.troubles),
    progress: list('progress', REPORT_PARTS.progress, sight.progress),
    accounts: list('accounts', REPORT_PARTS.accounts, sight.accounts),
  };
  return { sight: fitting, leftOut: [...leftOut] };
}

/** The replica with those of its details, and of its ports, that can be read. */
function withReadable(each: ReportedWorkload): ReportedWorkload {
  const bare = { ...each, ...WITHOUT_DETAILS };
  const isReadable = (details: Partial<ReportedWorkload>): boolean => {
    try {
      REPORT_PARTS.workloads({ ...bare, ...details }, 'workloads');
      return true;
    } catch {
      return false;
    }
  };
  const { startedAt, upSeconds, exitCode, reason, origin } = each;
  const details = [{ startedAt }, { upSeconds }, { exitCode }, { reason }, { origin }].filter(isReadable);
  const publishedPorts = each.publishedPorts.filter((port) => isReadable({ publishedPorts: [port] }));
  return Object.assign({}, bare, ...details, { publishedPorts }) as ReportedWorkload;
}

/** As many containers as a report takes, if those are enough for all that are ordered, and always the same ones of the others. */
function withinList(
  workloads: readonly ReportedWorkload[],
  isOrdered: (replicaId: string) => boolean,
): { readonly workloads: readonly ReportedWorkload[]; readonly crowd: string | null } {
  const most = REPORT_LISTS.workloads;
  const ordered = workloads.filter(({ replicaId }) => isOrdered(replicaId));
  if (workloads.length <= most || ordered.length > most) return { workloads, crowd: null };
  const others = workloads.filter(({ replicaId }) => !isOrdered(replicaId)).toSorted((a, b) => (a.replicaId < b.replicaId ? -1 : 1));
  const words = `The engine has ${workloads.length} containers of this installation, and a report takes ${most}`;
  return {
    workloads: [...ordered, ...others.slice(0, most - ordered.length)],
    crowd: `${words}: ${workloads.length - most} that no order is about are not told. Remove those that nobody needs`,
  };
}

/** Why nothing is said of what is on the engine: a part of it would be taken for all. Null: all of it can be told. */
function blindness(sight: Sight, engine: Sight['engine'], workloads: number): string | null {
  if (sight.engine !== null && engine === null) return 'What the engine says of itself is not understood';
  if (workloads <= REPORT_LISTS.workloads) return null;
  return `The engine has more containers that are ordered here than the ${REPORT_LISTS.workloads} that a report takes: move deployments to other nodes`;
}

/** The report with its words so short that it is no larger than a message may be. Pure. */
export function withinMessage(report: ReportMessage): ReportMessage {
  let fitting = report;
  for (const most of SHORTER)
    if (Buffer.byteLength(JSON.stringify(fitting)) > LARGEST_MESSAGE_BYTES) fitting = withShortWords(report, most);
  return fitting;
}

function withShortWords(report: ReportMessage, most: number): ReportMessage {
  const short = (text: string): string => words(most)(text, 'words');
  return {
    ...report,
    workloads: report.workloads.map((each) => ({ ...each, reason: each.reason && short(each.reason) })),
    troubles: report.troubles.map((each) => ({ ...each, message: short(each.message) })),
    progress: report.progress.map((each) => ({ ...each, words: short(each.words) })),
    accounts: report.accounts.map((each) => ({ ...each, words: short(each.words) })),
  };
}
