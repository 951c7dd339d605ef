import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../problem/domain-error';
import { JsonFault, parseJson } from './json-scanner';

export const BODY_LIMIT_BYTES = 256 * 1024;

const CONTENT_TYPE = /^application\/json(?:; *charset="?utf-8"?)?$/i;

/**
 * Makes a value from bytes. Throws a DomainError that names the place of a fault. An empty body gives undefined; routes
 * that need a body refuse it later.
 */
function readJsonBody(contentType: string, body: Buffer): unknown {
  if (!CONTENT_TYPE.test(contentType)) {
    throw new DomainError('unsupported_media_type', 'Send the body as `Content-Type: application/json` in UTF-8.');
  }
  if (body.length === 0) return undefined;
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch (error) {
    if (error instanceof JsonFault) {
      const { detail, pointer } = error;
      throw new DomainError('malformed_json', `The body is not acceptable JSON: ${detail}`, { errors: [{ pointer, detail }] });
    }
    throw new DomainError('malformed_json', 'The body is not valid UTF-8.', { errors: [{ pointer: '', detail: 'not valid UTF-8' }] });
  }
}

/** Makes JSON the only body that the server reads, through our own parser; every other content type is answered with 415. */
export function acceptOnlyJson(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request: FastifyRequest, body: Buffer, done: (error: Error | null, value?: unknown) => void) => {
      try {
        done(null, readJsonBody(request.headers['content-type'] ?? '', body));
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  );
}
