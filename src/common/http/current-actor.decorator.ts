import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '../problem/domain-error';
import type { Actor, RequestState } from '../request-context';

/** The caller. A route that is public by mistake answers 401 here instead of acting without a user. */
export function actorOf(request: RequestState): Actor {
  if (!request.user) throw new DomainError('unauthenticated', 'Not authenticated');
  return request.user;
}

/** Gives the handler the authenticated caller. */
export const CurrentActor = createParamDecorator((_data: unknown, host: ExecutionContext): Actor =>
  actorOf(host.switchToHttp().getRequest<RequestState>()),
);
