import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PubSub } from '../database/pub-sub';
import { SharedWatch } from '../database/shared-watch';
import { TEARDOWN_TOPIC } from '../deletions/teardown-watch';
import { DEPLOYMENT_TOPIC } from '../deployments/deployments.repository';
import { DeploymentFactsRepository } from './deployment-facts.repository';
import type { DeploymentFacts } from './wait-condition';

/** Looks at the deployments that requests wait for. */
@Injectable()
export class DeploymentWatch extends SharedWatch<DeploymentFacts> implements OnModuleDestroy {
  constructor(facts: DeploymentFactsRepository, pubSub: PubSub) {
    super({ read: (ids) => facts.of(ids), pubSub, topics: [DEPLOYMENT_TOPIC, TEARDOWN_TOPIC] });
  }
}
