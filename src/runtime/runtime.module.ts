import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { chooseRuntimes } from './runtime-choice';
import { Runtimes } from './runtimes';

/** Chooses the runtime once, while the application starts. */
@Module({
  providers: [{ provide: Runtimes, inject: [AppConfig, DataSource], useFactory: chooseRuntimes }],
  exports: [Runtimes],
})
export class RuntimeModule {}
