import type { FastifyInstance, FastifyReply } from 'fastify';
import { hash } from 'node:crypto';
import { readEntityTags } from './entity-tags';

/** Probes and numbers are of one moment, and what is about an account is kept nowhere. */
const NEVER_KEPT = /^\/(?:health\/|metrics|api\/auth\/)/;
const PUBLIC = /^\/(?:docs|openapi\.json)/;
const DIGEST_LENGTH = 22;

/**
 * Gives every answer to a GET an `ETag` that covers its body, and answers 304 without a body to a client whose
 * `If-None-Match` has it already. Where the route has set a tag of its own, such as the version of a deployment, the tag begins
 * with it. Streams, and files that bring a tag with them, stay as they are.
 */
export function answerReadsConditionally(fastify: FastifyInstance): void {
  // The document is large, public, and the same text for every request.
  let document = { text: '', digest: '' };
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || reply.statusCode !== 200 || typeof payload !== 'string' || NEVER_KEPT.test(request.url)) {
      done(null, payload);
      return;
    }
    const isPublic = PUBLIC.test(request.url);
    if (isPublic && payload !== document.text) document = { text: payload, digest: digestOf(payload) };
    const tag = tagOf(reply, isPublic ? document.digest : digestOf(payload));
    reply.headers({ etag: tag, 'cache-control': isPublic ? 'no-cache' : 'private, no-cache' });
    if (!isKnown(request.headers['if-none-match'], tag)) {
      done(null, payload);
      return;
    }
    reply.code(304).removeHeader('content-type');
    // The length of an answer to HEAD is that of its body, also with a 304.
    done(null, request.method === 'HEAD' ? payload : null);
  });
}

const digestOf = (payload: string): string => hash('sha256', payload, 'base64url').slice(0, DIGEST_LENGTH);

function tagOf(reply: FastifyReply, digest: string): string {
  const own = reply.getHeader('etag');
  return typeof own === 'string' ? `"${own.replaceAll('"', '')}.${digest}"` : `"${digest}"`;
}

/** Compared weakly (RFC 9110, 13.1.2): a proxy that compresses makes a tag weak. What cannot be read matches nothing. */
function isKnown(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const known = readEntityTags(ifNoneMatch);
  return known === '*' || (known?.some(({ opaque }) => opaque === tag) ?? false);
}
