import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import type { Answer } from '../common/http/answer';
import { CommandInterceptor } from './command.interceptor';
import { PRESENTER } from './command.metadata';

type Handler<O> = <M extends (...args: never[]) => O | Promise<O>>(
  target: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * Marks a route that changes something. `present` makes the answer from the outcome that the handler returns, for the
 * first request and for its repetitions. It takes an `Idempotency-Key`, whatever its method: a PATCH that is repeated after another
 * change would undo that one.
 */
export const Command = <O>(present: (outcome: O) => Answer): Handler<O> =>
  applyDecorators(SetMetadata(PRESENTER, present), UseInterceptors(CommandInterceptor));
