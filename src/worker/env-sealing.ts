import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { SecretBox } from '../common/crypto/secret-box';
import { SealingState } from '../database/sealing-state';
import { SEALED_AT_ONCE, sealPlainEnv } from '../deployments/seal-plain-env';

/** Between two other chores. */
const MOST_BATCHES = 25;

/** Encrypts values of `env` that are still stored as they were sent, once the installation has decided so. */
@Injectable()
export class EnvSealing {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly box: SecretBox,
    private readonly state: SealingState,
  ) {}

  async run(): Promise<void> {
    if (!this.state.sealsEnv) return;
    for (let batch = 0; batch < MOST_BATCHES; batch++) if ((await sealPlainEnv(this.dataSource.manager, this.box)) < SEALED_AT_ONCE) return;
  }
}
