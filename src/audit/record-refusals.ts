import { Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { changesNothing } from '../common/http/changes-nothing';
import { routeOf } from '../common/http/route-of';
import { canonicalAddress } from '../common/http/client-address';
import { PROBLEMS, type ProblemCode } from '../common/problem/catalog';
import type { RequestState } from '../common/request-context';
import { isUuid } from '../common/uuid';
import type { Audit, AuditRefusal } from './audit';
import { auditedRouteOf } from './audited-routes';
import { RefusalLog } from './refusal-log';

/** Not recorded: rate limits, because a flood would fill the log, and faults of ours or of the database, which are no refusals. */
const UNRECORDED = new Set<ProblemCode>(['rate_limited', 'internal', 'try_again', 'request_timeout']);
const MAX_USERNAME = 64;

type RefusedRequest = FastifyRequest & Partial<Pick<RequestState, 'user'>>;

interface RefusalOptions {
  /** So many refusals of one caller are told one by one within a minute; 0: all. */
  readonly perMinute: number;
  readonly onLost: () => void;
}

/**
 * Writes an audit row for a refused request that would have changed something, before its answer is sent; of many that
 * are alike, some rows and their number. When the
 * row cannot be written the request is refused all the same, and `onLost` counts it. Callers without a credential are
 * recorded only on the routes that are open to them: log-in, refresh and registration.
 */
export function recordRefusals(fastify: FastifyInstance, audit: Audit, { perMinute, onLost }: RefusalOptions): void {
  const logger = new Logger('Audit');
  const log = new RefusalLog(audit, perMinute, {
    onLost: (error, { action, code }) => {
      onLost();
      logger.warn(`A refusal (${action}: ${code}) was not recorded: ${error instanceof Error ? error.message : String(error)}`);
    },
  });
  fastify.addHook('onClose', () => log.close());
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (reply.statusCode < 400 || changesNothing(request.method, routeOf(request)) || reply.hasHeader('idempotency-replayed')) {
      done();
      return;
    }
    const refusal = refusalOf(request, payload);
    if (refusal === null) {
      done();
      return;
    }
    const actor = (request as RefusedRequest).user ?? null;
    void log.record({ actor, requestId: request.id, address: canonicalAddress(request.ip) }, refusal).finally(() => done());
  });
}

function refusalOf(request: RefusedRequest, payload: unknown): AuditRefusal | null {
  const code = codeOf(payload);
  const route = auditedRouteOf(request);
  if (route === null || code === null || UNRECORDED.has(code)) return null;
  if (request.user === undefined && !OPEN_ACTIONS.has(route.action)) return null;
  return {
    ...route,
    resourceId: idOf(request.params),
    code,
    givenUsername: route.action === 'user.login' ? usernameOf(request.body) : null,
  };
}

const OPEN_ACTIONS = new Set(['user.register', 'user.login', 'user.refresh']);

function codeOf(payload: unknown): ProblemCode | null {
  if (typeof payload !== 'string') return null;
  const { code } = JSON.parse(payload) as { code?: unknown };
  return typeof code === 'string' && Object.hasOwn(PROBLEMS, code) ? (code as ProblemCode) : null;
}

/** The id in the address; null when it holds none. */
function idOf(params: unknown): string | null {
  const [value] = typeof params === 'object' && params !== null ? Object.values(params as Record<string, unknown>) : [];
  return typeof value === 'string' && isUuid(value) ? value : null;
}

/** The user name that a log-in sent, in the spelling of stored names: shortened, with `?` for characters that no name can have. */
function usernameOf(body: unknown): string | null {
  const name: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'username') : undefined;
  return typeof name === 'string'
    ? name
        .toLowerCase()
        .replaceAll(/[^a-z0-9_-]/g, '?')
        .slice(0, MAX_USERNAME)
    : null;
}
