import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, from, mergeMap, of, type Observable } from 'rxjs';
import type { Answer } from '../common/http/answer';
import { DomainError } from '../common/problem/domain-error';
import type { IdempotencyClaim, RequestState } from '../common/request-context';
import { IdempotencyService, type KeptOutcome } from '../idempotency/idempotency.service';
import { PRESENTER } from './command.metadata';

const KEY = /^[\x20-\x7e]{1,255}$/;

type CommandRequest = Omit<FastifyRequest, keyof RequestState> & RequestState;
type Presenter = (outcome: unknown) => Answer;

/**
 * Answers the routes that are marked `@Command`, and honours their Idempotency-Key. Runs behind the guards, so a replay
 * needs the same rights as the request itself, and before the pipes, so the body is compared as it was sent.
 */
@Injectable()
export class CommandInterceptor implements NestInterceptor {
  constructor(private readonly idempotency: IdempotencyService) {}

  async intercept(host: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = host.switchToHttp().getRequest<CommandRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const handler = host.getHandler();
    const present = Reflect.getMetadata(PRESENTER, handler) as Presenter;
    const key = request.headers['idempotency-key'];
    if (key === undefined) return next.handle().pipe(mergeMap((outcome: unknown) => of(send(reply, present(outcome)))));
    if (typeof key !== 'string' || !KEY.test(key)) throw badKey();

    const taken = await this.take(request, key, present);
    if ('outcome' in taken) return replay(taken.outcome, reply);
    const { claim } = taken;
    request.idempotency = claim;
    return next.handle().pipe(
      mergeMap(async (outcome: unknown) => {
        const answer = present(outcome);
        await this.idempotency.complete(claim, answer);
        return send(reply, answer);
      }),
      catchError((error: unknown) => from(this.idempotency.fail(claim, error)).pipe(mergeMap(() => Promise.reject(asError(error))))),
    );
  }

  /** Claims the key for its user; keys of different users are independent. On public routes all callers share one set of keys. */
  private take(
    { user, method, raw, body }: CommandRequest,
    key: string,
    present: Presenter,
  ): Promise<{ claim: IdempotencyClaim } | { outcome: KeptOutcome }> {
    return this.idempotency.claim({ scope: scopeOf(user), key, present }, { method, url: raw.url ?? '', body });
  }
}

function send(reply: FastifyReply, { status, body, location, headers = {} }: Answer): unknown {
  reply.status(status);
  if (location !== undefined) reply.header('Location', location);
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  return body;
}

function replay(outcome: KeptOutcome, reply: FastifyReply): Observable<unknown> {
  reply.header('Idempotency-Replayed', 'true');
  if (outcome.kind === 'refusal') throw outcome.error;
  return of(send(reply, outcome));
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

function badKey(): DomainError {
  const detail = 'Idempotency-Key must have 1 to 255 printable ASCII characters.';
  return new DomainError('invalid_request', detail, { errors: [{ pointer: 'Idempotency-Key', detail }] });
}

/** Who shares keys: all credentials of a user, but for tokens that see only a part of what is the user's. */
function scopeOf(user: RequestState['user']): string {
  if (!user) return 'anonymous';
  return user.boundTo ? `${user.userId} ${user.credentialId}` : user.userId;
}
