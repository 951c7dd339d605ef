import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** What a request for the feed says besides its query, and where its answer goes. */
export interface FeedCaller {
  /** The arguments of the guard, to call it again while a stream is open. */
  readonly host: ExecutionContext;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly lastEventId: string | undefined;
}

/** Gives the handler who asks for events, and how. */
export const FeedCall = createParamDecorator((_data: unknown, host: ExecutionContext): FeedCaller => {
  const http = host.switchToHttp();
  const request = http.getRequest<FastifyRequest>();
  const id = request.headers['last-event-id'];
  return { host, request, reply: http.getResponse<FastifyReply>(), lastEventId: typeof id === 'string' && id !== '' ? id : undefined };
});
