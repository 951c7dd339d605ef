import { REPORT_LISTS, REPORT_PARTS } from '../../agents/message-shapes';
import { ShapeError, words, type Shape } from '../../agents/shape';
import { LARGEST_MESSAGE_BYTES, type ReportMessage } from '../../runtime/agent/link-messages';
import type { Sight } from './sight';

/** Words are cut to so many characters, in turn, until the report fits into a message. */
const SHORTER = [200, 40] as const;

/**
 * What there is to report without what the control plane would end the link for: an entry that it cannot read, such as that of a container
 * with labels like ours that somebody made by hand, and more entries than a list may have. `leftOut` says what in words. Pure.
 */
export function fittingSight(sight: Sight): { readonly sight: Sight; readonly leftOut: readonly string[] } {
  const leftOut: string[] = [];
  const read = <T>(shape: Shape<T>, value: unknown, at: string): T[] => {
    try {
      return [shape(value, at)];
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      leftOut.push(error.message);
      return [];
    }
  };
  const list = <T>(name: keyof typeof REPORT_LISTS, shape: Shape<T>, entries: readonly unknown[]): T[] => {
    const fitting = entries.flatMap((entry) => read(shape, entry, name));
    if (fitting.length > REPORT_LISTS[name]) leftOut.push(`${name} has ${fitting.length} entries, of which ${REPORT_LISTS[name]} are told`);
    return fitting.slice(0, REPORT_LISTS[name]);
  };
  const engine = sight.engine && (read(REPORT_PARTS.engine, sight.engine, 'engine')[0] ?? null);
  const isOdd = sight.engine !== null && engine === null;
  const fitting: Sight = {
    ordersVersion: sight.ordersVersion,
    engine,
    engineTrouble: isOdd ? 'What the engine says of itself is not understood' : sight.engineTrouble,
    workloads: isOdd ? [] : list('workloads', REPORT_PARTS.workloads, sight.workloads),
    gone: isOdd ? [] : list('gone', REPORT_PARTS.gone, sight.gone),
    troubles: list('troubles', REPORT_PARTS.troubles, sight.troubles),
    progress: list('progress', REPORT_PARTS.progress, sight.progress),
    accounts: list('accounts', REPORT_PARTS.accounts, sight.accounts),
  };
  return { sight: fitting, leftOut };
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
