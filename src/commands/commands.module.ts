import { Global, Module } from '@nestjs/common';
import { Commands } from './commands';

/** The one way to carry out a command, for the services of all rooms. */
@Global()
@Module({ providers: [Commands], exports: [Commands] })
export class CommandsModule {}
