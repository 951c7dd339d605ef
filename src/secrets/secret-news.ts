import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';
import { afterCommit, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import { Metrics } from '../metrics/metrics';

interface SecretChange {
  readonly what: 'secret' | 'registry';
  readonly change: 'created' | 'changed' | 'deleted';
  readonly name: string;
  /** Null: it is of the installation. */
  readonly projectId: string | null;
  readonly userId: string;
}

/** Tells people and counts what happens to secrets and to credentials for registries. Names only: no value and no password. */
@Injectable()
export class SecretNews {
  private readonly changes: Counter<'what' | 'change'>;
  private readonly failedPulls: Counter<'credential'>;

  constructor(
    private readonly events: Events,
    metrics: Metrics,
  ) {
    this.changes = metrics.counter({
      name: 'fog_secret_changes_total',
      help: 'Secrets and credentials for registries that were created, changed or deleted.',
      labels: ['what', 'change'],
    });
    this.failedPulls = metrics.counter({
      name: 'fog_image_pulls_failed_total',
      help: 'Attempts to start a replica that failed for its image, by whether a credential was shown to the registry: shown, none.',
      labels: ['credential'],
    });
  }

  /** In the transaction of the change. The maintainers of the project are told, or the administrators. */
  async changed(tx: Tx, { what, change, name, projectId, userId }: SecretChange): Promise<void> {
    await this.tell(tx, projectId, { type: `fog.${what}.changed`, data: { name, change, changed_by: userId } });
    afterCommit(tx, () => this.changes.inc({ what, change }));
  }

  /** A pull failed for which this credential was used. */
  async pullFailed(tx: Tx, { projectId, ...registry }: { projectId: string | null; name: string; server: string }): Promise<void> {
    await this.tell(tx, projectId, { type: 'fog.registry.pull_failed', data: registry });
  }

  countFailedPull(credential: 'shown' | 'none'): void {
    this.failedPulls.inc({ credential });
  }

  private tell(
    tx: Tx,
    projectId: string | null,
    event: {
      readonly type: 'fog.secret.changed' | 'fog.registry.changed' | 'fog.registry.pull_failed';
      readonly data: Readonly<Record<string, unknown>>;
    },
  ): Promise<void> {
    if (projectId === null) return this.events.tellAdministrators(tx, [event]);
    return this.events.tellMembers(tx, { projectId, least: 'maintainer' }, event);
  }
}
