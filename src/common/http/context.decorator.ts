import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { RequestContext, RequestOrigin, RequestState } from '../request-context';
import { actorOf } from './current-actor.decorator';

/** What the services need of a request: the caller, the request id, and the claim of its idempotency key, if it sent one. */
export function contextOf(request: RequestState): RequestContext {
  return { actor: actorOf(request), requestId: request.id, idempotency: request.idempotency ?? null, address: request.ip };
}

/** Gives the handler of a route that is open to strangers what is known of every request. */
export const Origin = createParamDecorator((_data: unknown, host: ExecutionContext): RequestOrigin => {
  const { id, ip } = host.switchToHttp().getRequest<RequestState>();
  return { requestId: id, address: ip };
});

/** Gives the handler the RequestContext that it passes to its service. */
export const Context = createParamDecorator((_data: unknown, host: ExecutionContext): RequestContext =>
  contextOf(host.switchToHttp().getRequest<RequestState>()),
);
