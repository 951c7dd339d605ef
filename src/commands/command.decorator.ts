import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import type { Answer } from '../common/http/answer';
import { CommandInterceptor } from './command.interceptor';
import { PRESENTER, TAKES_KEY } from './command.metadata';

type Handler<O> = <M extends (...args: never[]) => O | Promise<O>>(
  target: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * Marks a route that changes something. `present` makes the answer from the outcome that the handler returns, for the
 * first request and for its repetitions. POST and DELETE take an `Idempotency-Key` (the OpenAPI test checks that). PUT
 * and PATCH say what shall be, so repeating them does no harm and they take none.
 */
export const Command = <O>(present: (outcome: O) => Answer, { takesKey = true }: { takesKey?: boolean } = {}): Handler<O> =>
  applyDecorators(SetMetadata(PRESENTER, present), SetMetadata(TAKES_KEY, takesKey), UseInterceptors(CommandInterceptor));
