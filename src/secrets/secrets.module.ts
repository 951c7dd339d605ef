import { Module } from '@nestjs/common';
import { FailedPulls } from './failed-pulls';
import { RegistriesRepository } from './registries.repository';
import { RegistryCredentials } from './registry-credentials';
import { SecretNews } from './secret-news';
import { SecretValues } from './secret-values';
import { SecretsRepository } from './secrets.repository';

const PARTS = [FailedPulls, RegistriesRepository, RegistryCredentials, SecretNews, SecretValues, SecretsRepository];

/** What projects keep encrypted for their deployments. The routes are in SecretRoutesModule. */
@Module({ providers: PARTS, exports: PARTS })
export class SecretsModule {}
