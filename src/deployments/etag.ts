import { DomainError } from '../common/problem/domain-error';

const LIST = /^(?:W\/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e]*")*$/;

/** The entity tag of a deployment: it changes with every decision about the deployment. */
export const etagOf = (version: number): string => `"${String(version)}"`;

/** Documents that an answer carries the tag. */
export const ETAG_HEADER = {
  ETag: { description: 'For `If-Match`: changes with every decision about the deployment', schema: { type: 'string' as const } },
};

/**
 * Null when there is no `If-Match` (RFC 9110: `*` or a list of entity tags, compared strongly) or it matches the version.
 * Otherwise `precondition_failed`, or `invalid_request` when the header cannot be read.
 */
export function matchFault(ifMatch: string | null, version: number): DomainError | null {
  const wanted = ifMatch?.trim() ?? '*';
  if (wanted === '*') return null;
  if (!LIST.test(wanted)) {
    const detail = 'If-Match must be * or entity tags in quotes, such as "3".';
    return new DomainError('invalid_request', detail, { errors: [{ pointer: 'If-Match', detail }] });
  }
  const etag = etagOf(version);
  if (wanted.split(',').some((tag) => tag.trim() === etag)) return null;
  return new DomainError('precondition_failed', 'The deployment has changed since it was read', { members: { etag } });
}
