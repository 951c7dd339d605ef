import { Global, Module } from '@nestjs/common';
import { KeyInUse } from './key-in-use';
import { SealingState } from './sealing-state';

/** Tells every room what the installation has decided about encryption. */
@Global()
@Module({ providers: [KeyInUse, SealingState], exports: [SealingState] })
export class SealingModule {}
