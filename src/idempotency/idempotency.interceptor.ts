import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, from, mergeMap, of, type Observable } from 'rxjs';
import { DomainError } from '../common/problem/domain-error';
import type { RequestState } from '../common/request-context';
import { IdempotencyService, type Outcome } from './idempotency.service';

const KEY = /^[\x20-\x7e]{1,255}$/;

/**
 * Honours the Idempotency-Key header of the routes that are marked `@Idempotent()`. Runs behind the guards, so a replay
 * needs the same rights as the request itself, and before the pipes, so the body is compared as it was sent.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly idempotency: IdempotencyService) {}

  async intercept(host: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = host.switchToHttp().getRequest<Omit<FastifyRequest, keyof RequestState> & RequestState>();
    const header = request.headers['idempotency-key'];
    if (header === undefined) return next.handle();
    if (typeof header !== 'string' || !KEY.test(header)) throw badKey();

    const reply = host.switchToHttp().getResponse<FastifyReply>();
    // Keys of different users never meet; those of nobody are of the public routes.
    const scope = request.user?.userId ?? 'anonymous';
    const taken = await this.idempotency.claim(scope, header, { method: request.method, url: request.raw.url ?? '', body: request.body });
    if ('outcome' in taken) return replay(taken.outcome, reply);

    const { claim } = taken;
    request.idempotency = claim;
    return next.handle().pipe(
      mergeMap(async (body: unknown) => {
        const location = reply.getHeader('location');
        await this.idempotency.complete(claim, { status: reply.statusCode, body, ...(typeof location === 'string' ? { location } : {}) });
        return body;
      }),
      catchError((error: unknown) => from(this.idempotency.fail(claim, error)).pipe(mergeMap(() => Promise.reject(asError(error))))),
    );
  }
}

function replay(outcome: Outcome, reply: FastifyReply): Observable<unknown> {
  reply.header('Idempotency-Replayed', 'true');
  if (outcome.kind === 'refusal') throw outcome.error;
  reply.status(outcome.status);
  if (outcome.location !== undefined) reply.header('Location', outcome.location);
  return of(outcome.body);
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

function badKey(): DomainError {
  const detail = 'Idempotency-Key must have 1 to 255 printable ASCII characters.';
  return new DomainError('invalid_request', detail, { errors: [{ pointer: 'Idempotency-Key', detail }] });
}
