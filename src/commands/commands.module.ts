import { Global, Module } from '@nestjs/common';
import { Commands } from './commands';
import { Standing } from './standing';

/** The one way to carry out a command, and to ask whether its caller still may, for the services of all rooms. */
@Global()
@Module({ providers: [Commands, Standing], exports: [Commands, Standing] })
export class CommandsModule {}
