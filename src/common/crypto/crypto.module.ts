import { Module, type DynamicModule } from '@nestjs/common';
import { secretBoxOf, type KeySource } from './encryption-key';
import { SecretBox } from './secret-box';

/** Gives every room the same SecretBox. Its key is found, or made, while the program starts. */
@Module({})
export class CryptoModule {
  static of(source: KeySource): DynamicModule {
    const provider = { provide: SecretBox, useFactory: () => secretBoxOf(source) };
    return { module: CryptoModule, global: true, providers: [provider], exports: [SecretBox] };
  }
}
