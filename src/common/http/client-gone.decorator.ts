import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { ServerResponse } from 'node:http';

/** Gives the handler a signal that fires when the client has disconnected. */
export const ClientGone = createParamDecorator((_data: unknown, host: ExecutionContext): AbortSignal => {
  const gone = new AbortController();
  const { raw } = host.switchToHttp().getResponse<{ raw: ServerResponse }>();
  raw.once('close', () => gone.abort());
  if (raw.destroyed) gone.abort();
  return gone.signal;
});
