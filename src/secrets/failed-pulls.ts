import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { inTransaction } from '../database/transaction';
import type { RegistryCredential } from '../engines/registry-credential';
import { RegistriesRepository } from './registries.repository';
import { SecretNews } from './secret-news';

/** Counts pulls that failed, and tells once a day whose credential was used for one: the engine does not say whether it was the reason. */
@Injectable()
export class FailedPulls {
  private readonly logger = new Logger(FailedPulls.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly registries: RegistriesRepository,
    private readonly news: SecretNews,
  ) {}

  /** Never throws: the failure itself is what the caller has to deal with. */
  async note(credential: RegistryCredential | null | undefined): Promise<void> {
    this.news.countFailedPull(credential ? 'shown' : 'none');
    if (!credential) return;
    try {
      await inTransaction(this.dataSource, async (tx) => {
        const registry = await this.registries.noteFailed(tx, credential.revision);
        if (registry) await this.news.pullFailed(tx, registry);
      });
    } catch (error) {
      this.logger.warn(`A failed pull was not noted: ${String(error)}`);
    }
  }
}
