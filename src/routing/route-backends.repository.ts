import { Injectable } from '@nestjs/common';
import { PubSub } from '../database/pub-sub';
import { afterCommit, type Tx } from '../database/transaction';
import type { Backend, LeavingBackend } from './route-table';
import { ROUTES_TOPIC } from './routes.repository';
import { CHANGED_NOW } from './routes.sql';

/** Records which replicas answer for a deployment. Callers hold the lock of the deployment row. */
@Injectable()
export class RouteBackendsRepository {
  constructor(private readonly pubSub: PubSub) {}

  /** Writes nothing when the table is of another version than the one that the change was made for: routes have changed. */
  async record(
    tx: Tx,
    deploymentId: string,
    change: {
      readonly version: number;
      readonly backends: readonly Backend[];
      readonly leaving: readonly (Omit<LeavingBackend, 'outIn'> & { readonly outIn: number | null })[];
    },
  ): Promise<void> {
    await tx.query(RECORD, [deploymentId, change.version, JSON.stringify(change.backends), JSON.stringify(change.leaving)]);
    afterCommit(tx, () => this.pubSub.publish(ROUTES_TOPIC, ''));
  }
}

/** $1 deployment, $2 the version that is changed, $3 backends, $4 those that leave; the new ones of these leave now. */
const RECORD = `
  UPDATE route_tables
     SET version = version + 1, changed_in = ${CHANGED_NOW}, backends = $3::jsonb,
         leaving = (SELECT coalesce(jsonb_agg(CASE WHEN l->>'outIn' IS NULL
                                                   THEN l || jsonb_build_object('outIn', ${CHANGED_NOW}) ELSE l END), '[]')
                      FROM jsonb_array_elements($4::jsonb) AS l)
   WHERE deployment_id = $1 AND version = $2`;
