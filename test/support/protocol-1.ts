import { isRecord } from '../../src/runtime/docker/json-lines';
import { read } from './documents';

/** Messages of version 1 of the protocol, as agents and control planes of its first releases have sent them. Never to be changed. */
export const RECORDED = {
  fromAgent: recorded('from-agent'),
  toAgent: recorded('to-agent'),
} as const;

/** Members that only have these values in version 1: a peer of then knows no others. */
const CLOSED: Readonly<Record<string, readonly unknown[]>> = {
  will: ['run', 'suspend', 'absent'],
  call: ['logs', 'follow', 'sample', 'offersImage'],
  phase: ['starting', 'running', 'paused', 'unhealthy', 'exited'],
  failure: ['unreachable', 'rejected', 'unfit', 'image_unavailable', 'timeout', 'aborted'],
  code: ['unknown_node', 'wrong_key', 'second_machine', 'other_engine', 'protocol', 'try_later', 'too_far_ahead'],
};
/** Members whose names are free. */
const MAPS: ReadonlySet<string> = new Set(['env', 'labels', 'secretEnv']);

/**
 * What of a message a peer of the first releases would not understand, in words: a member that was always there and is not, or has another
 * type. More members are no harm.
 */
export function unlikeVersionOne(message: object, side: keyof typeof RECORDED): string[] {
  const type: unknown = Reflect.get(message, 'type');
  const alike = RECORDED[side].filter((one) => one.type === type && one.call === Reflect.get(message, 'call'));
  return alike.length === 0 ? [`${String(type)} is no message of version 1`] : differences(message, alike, String(type));
}

function differences(value: unknown, examples: readonly unknown[], at: string): string[] {
  const kinds = new Set(examples.map(kindOf));
  const isKnown = kinds.size > 1 || !kinds.has('null');
  if (isKnown && !kinds.has(kindOf(value))) return [`${at} is ${kindOf(value)}, and was ${[...kinds].join(' or ')}`];
  if (Array.isArray(value)) {
    const entries = examples.flatMap((example) => (Array.isArray(example) ? (example as unknown[]) : []));
    return entries.length === 0 ? [] : value.flatMap((entry, index) => differences(entry, entries, `${at}/${String(index)}`));
  }
  if (!isRecord(value)) return [];
  const known = examples.filter(isRecord);
  return [...new Set(known.flatMap((example) => Object.keys(example)))].flatMap((name) => {
    const of = known.filter((example) => name in example).map((example) => example[name]);
    if (!(name in value)) return of.length === known.length ? [`${at}/${name} is missing`] : [];
    const closed = CLOSED[name];
    if (closed !== undefined && !closed.includes(value[name])) return [`${at}/${name} is ${String(value[name])}, which nobody knew`];
    return MAPS.has(name) || name === 'value' ? [] : differences(value[name], of, `${at}/${name}`);
  });
}

const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value);

function recorded(name: string): readonly Readonly<Record<string, unknown>>[] {
  return JSON.parse(read(`test/protocol-1/${name}.json`)) as Record<string, unknown>[];
}
