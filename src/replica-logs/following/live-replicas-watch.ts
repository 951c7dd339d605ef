import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PubSub } from '../../database/pub-sub';
import { SharedWatch } from '../../database/shared-watch';
import { TEARDOWN_TOPIC } from '../../deletions/teardown-watch';
import { DEPLOYMENT_TOPIC } from '../../deployments/deployments.repository';
import { LiveReplicasRepository, type LiveReplicas } from '../../deployments/live-replicas.repository';

/** Looks at the containers of the deployments whose logs are followed. */
@Injectable()
export class LiveReplicasWatch extends SharedWatch<LiveReplicas> implements OnModuleDestroy {
  constructor(live: LiveReplicasRepository, pubSub: PubSub) {
    super({ read: (ids) => live.of(ids), pubSub, topics: [DEPLOYMENT_TOPIC, TEARDOWN_TOPIC] });
  }
}
