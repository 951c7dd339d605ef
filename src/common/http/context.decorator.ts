import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { OpenRequestContext, RequestContext, RequestState } from '../request-context';
import { canonicalAddress } from './client-address';
import { actorOf } from './current-actor.decorator';

/** What the services need of a request: the caller, the request id, and the claim of its idempotency key, if it sent one. */
function contextOf(request: RequestState): RequestContext {
  return { actor: actorOf(request), ifMatch: request.headers['if-match'] ?? null, ...openContextOf(request) };
}

const openContextOf = ({ id, ip, idempotency }: RequestState): OpenRequestContext => ({
  requestId: id,
  address: canonicalAddress(ip),
  idempotency: idempotency ?? null,
});

/** Gives the handler of a public route what is known of every request. */
export const OpenContext = createParamDecorator((_data: unknown, host: ExecutionContext): OpenRequestContext =>
  openContextOf(host.switchToHttp().getRequest<RequestState>()),
);

/** Gives the handler the RequestContext that it passes to its service. */
export const Context = createParamDecorator((_data: unknown, host: ExecutionContext): RequestContext =>
  contextOf(host.switchToHttp().getRequest<RequestState>()),
);
