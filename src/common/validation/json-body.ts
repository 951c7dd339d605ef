import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { MIMEType } from 'node:util';
import { DomainError } from '../problem/domain-error';
import { JSON_LIMITS, JsonFault, parseJson } from './json-scanner';

export const BODY_LIMIT_BYTES = 256 * 1024;
const LARGE_BODY_LIMIT_BYTES = 2 * 1024 * 1024;
/** Of a body with many things in it, each of which is checked by itself. */
const LARGE_JSON_LIMITS = { ...JSON_LIMITS, maxKeys: 100_000, maxElements: 100_000 };

const JSON_TYPE = 'application/json';
/** RFC 7396. */
const MERGE_PATCH_TYPE = 'application/merge-patch+json';
/** In the configuration of a route: it also takes bodies of that type. */
export const TAKES_MERGE_PATCH = { mergePatch: true } as const;
/** In the configuration of a route: its body may have 2 MB, and many more members than others. */
export const TAKES_LARGE_BODY = { largeBody: true } as const;
/** What is written in ASCII is UTF-8 as well. */
const ASCII = /^(us-)?ascii$/i;

type Done = (error: Error | null, value?: unknown) => void;

/**
 * Makes JSON the only body that the server reads, through our own parser. A body of no bytes is none, whatever its type
 * and its framing; any other type or coding is answered with 415, which says what would have been taken.
 */
export function acceptOnlyJson(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    if (isSet(route.config, 'largeBody')) route.bodyLimit = LARGE_BODY_LIMIT_BYTES;
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    [JSON_TYPE, MERGE_PATCH_TYPE],
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done: Done) => {
      try {
        done(null, readJsonBody(request, body));
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  );
  fastify.addContentTypeParser('*', (_request: FastifyRequest, payload: Readable, done: Done) => refuseContent(payload, done));
}

/** Throws a DomainError that names the place of a fault. Routes that need a body refuse undefined later. */
function readJsonBody({ headers, routeOptions }: FastifyRequest, body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (coding !== '' && coding !== 'identity') throw refusedCoding();
  if (!isUtf8Json(headers['content-type'] ?? '', isSet(routeOptions.config, 'mergePatch'))) throw refusedType();
  const limits = isSet(routeOptions.config, 'largeBody') ? LARGE_JSON_LIMITS : JSON_LIMITS;
  try {
    // A byte order mark at the beginning is skipped, as RFC 8259 allows: .NET and PowerShell write one.
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body), limits);
  } catch (error) {
    if (error instanceof JsonFault) {
      const { detail, pointer } = error;
      throw new DomainError('malformed_json', `The body is not acceptable JSON: ${detail}`, { errors: [{ pointer, detail }] });
    }
    throw new DomainError('malformed_json', 'The body is not valid UTF-8.', { errors: [{ pointer: '', detail: 'not valid UTF-8' }] });
  }
}

const isSet = (config: object | undefined, name: keyof (typeof TAKES_MERGE_PATCH & typeof TAKES_LARGE_BODY)): boolean =>
  config !== undefined && Reflect.get(config, name) === true;

/** Reads the type as browsers do (WHATWG MIME Sniffing): parameters that nobody knows, spaces and a final `;` mean nothing. */
function isUtf8Json(contentType: string, takesMergePatch: boolean): boolean {
  if (contentType === JSON_TYPE) return true;
  try {
    const { essence, params } = new MIMEType(contentType);
    const charset = params.get('charset') ?? 'utf-8';
    const isJson = essence === JSON_TYPE || (takesMergePatch && essence === MERGE_PATCH_TYPE);
    return isJson && (ASCII.test(charset) || new TextDecoder(charset).encoding === 'utf-8');
  } catch {
    return false;
  }
}

/** The first byte decides: a body that ends before one is none. */
function refuseContent(payload: Readable, done: Done): void {
  const settle = (error: Error | null): void => {
    payload.off('data', refuse).off('end', accept).off('error', settle);
    done(error);
  };
  const refuse = (): void => settle(refusedType());
  const accept = (): void => settle(null);
  payload.on('data', refuse).on('end', accept).on('error', settle);
}

const refusedType = (): DomainError =>
  new DomainError('unsupported_media_type', 'Send the body as `Content-Type: application/json` in UTF-8.', {
    headers: { Accept: JSON_TYPE },
  });

const refusedCoding = (): DomainError =>
  new DomainError('unsupported_media_type', 'Send the body as it is, without a `Content-Encoding`.', {
    headers: { 'Accept-Encoding': 'identity' },
  });
