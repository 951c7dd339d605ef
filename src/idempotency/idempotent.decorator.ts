import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { CommandInterceptor } from '../commands/command.interceptor';
import { TAKES_KEY } from '../commands/command.metadata';

/** SHIM: goes when every route is a command. */
export const Idempotent = (): MethodDecorator => applyDecorators(SetMetadata(TAKES_KEY, true), UseInterceptors(CommandInterceptor));
