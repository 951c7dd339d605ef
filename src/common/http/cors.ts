import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

const TAKEN = 'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, X-Request-Id';
const SHOWN =
  'Allow, ETag, Idempotency-Replayed, Link, Location, Preference-Applied, Retry-After, WWW-Authenticate, X-Request-Id, X-Total-Count';
const PREFLIGHT_HOLDS_SECONDS = 600;

/**
 * Lets pages of these origins (`*`: of any) call the API and read its answers, errors included. Nothing is sent by the
 * browser of its own accord (there are no cookies), so a page needs a token of its own. Without origins, browsers keep
 * pages of other origins out.
 */
export async function allowOrigins(fastify: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await fastify.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: TAKEN,
    exposedHeaders: SHOWN,
    maxAge: PREFLIGHT_HOLDS_SECONDS,
    // `tellAllowedMethods` ends every OPTIONS, with the headers that are set by then.
    preflightContinue: true,
    strictPreflight: false,
  });
}
