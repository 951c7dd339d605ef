import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SecretBox } from '../common/crypto/secret-box';
import { AppConfig } from '../config/app-config';
import { PubSub } from '../database/pub-sub';
import { AgentLines } from './agent/agent-lines';
import { chooseRuntimes } from './runtime-choice';
import { Runtimes } from './runtimes';

/** Chooses the runtime once, while the application starts. */
@Module({
  providers: [
    AgentLines,
    {
      provide: Runtimes,
      inject: [AppConfig, DataSource, SecretBox, PubSub, AgentLines],
      useFactory: (config: AppConfig, dataSource: DataSource, box: SecretBox, pubSub: PubSub, lines: AgentLines) =>
        chooseRuntimes({ config, dataSource, box, pubSub, lines }),
    },
  ],
  exports: [AgentLines, Runtimes],
})
export class RuntimeModule {}
