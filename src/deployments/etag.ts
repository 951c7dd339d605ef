import { readEntityTags } from '../common/http/entity-tags';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';

/**
 * The entity tag of a deployment: it changes with every decision about it. In answers to reads a digest of the body follows, so
 * that the tag also changes with what is shown (`answerReadsConditionally`).
 */
export const etagOf = (version: number): string => `"${String(version)}"`;

/** Documents that an answer carries the tag. */
export const ETAG_HEADER = {
  ETag: { description: 'For `If-Match`: changes with every decision about the deployment', schema: { type: 'string' as const } },
};

/** The version at the beginning of a tag. What follows it says what was shown, and a decision does not depend on that. */
const VERSION = /^"(\d+)(?:[.-][^"]*)?"$/;

/**
 * Null when there is no `If-Match` (RFC 9110: `*` or a list of entity tags, compared strongly) or it matches the version.
 * Otherwise `precondition_failed`, or `invalid_request` when the header cannot be read.
 */
export function matchFault(ifMatch: string | null, version: number, what = 'The deployment'): DomainError | null {
  const wanted = readEntityTags(ifMatch ?? '*');
  if (wanted === '*') return null;
  if (wanted === null) {
    const detail = 'If-Match must be * or entity tags in quotes, such as "3".';
    return new DomainError('invalid_request', detail, { errors: [{ pointer: 'If-Match', detail }] });
  }
  if (wanted.some(({ isWeak, opaque }) => !isWeak && VERSION.exec(opaque)?.[1] === String(version))) return null;
  const words = wanted.every(({ isWeak }) => isWeak) ? WEAK : `${what} has changed since it was read`;
  return new DomainError('precondition_failed', words, { members: { etag: etagOf(version) } });
}

/** A proxy that compresses makes tags weak, which else looks as if somebody changed the deployment all the time. */
const WEAK = 'A weak entity tag (W/"…") never matches. Send it without W/, and have proxies leave ETag as it is';

/** Throws what `matchFault` finds. Call it under the lock, when nothing else prevents the change. */
export function requireMatch({ ifMatch }: Pick<RequestContext, 'ifMatch'>, version: number): void {
  const fault = matchFault(ifMatch, version);
  if (fault) throw fault;
}
