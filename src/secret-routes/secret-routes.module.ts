import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { RightsModule } from '../rights/rights.module';
import { RolloutsApiModule } from '../rollouts/rollouts-api.module';
import { SecretsModule } from '../secrets/secrets.module';
import { ProjectSecretsService } from './project-secrets.service';
import { RegistriesController } from './registries.controller';
import { RegistriesService } from './registries.service';
import { RegistryCheck, registryResolver } from './registry-check';
import { SecretRestarts } from './secret-restarts';
import { SecretsController } from './secrets.controller';
import { SharedRegistriesController } from './shared-registries.controller';

/** The routes of what projects keep encrypted. */
@Module({
  imports: [DeploymentsModule, RightsModule, RolloutsApiModule, SecretsModule],
  controllers: [SecretsController, RegistriesController, SharedRegistriesController],
  providers: [ProjectSecretsService, RegistriesService, RegistryCheck, registryResolver, SecretRestarts],
})
export class SecretRoutesModule {}
