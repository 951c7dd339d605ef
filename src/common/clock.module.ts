import { Module, type DynamicModule } from '@nestjs/common';
import { Clock } from './clock';

/** The one clock of the process. Tests pass their own. */
@Module({})
export class ClockModule {
  static of(clock: Clock = new Clock()): DynamicModule {
    return { module: ClockModule, global: true, providers: [{ provide: Clock, useValue: clock }], exports: [Clock] };
  }
}
