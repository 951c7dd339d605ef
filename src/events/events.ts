import { Injectable } from '@nestjs/common';
import { afterCommit, type Tx } from '../database/transaction';
import { PubSub } from '../database/pub-sub';
import { ROLES, type Role } from '../rights/rights';
import type { EventType } from './event-types';

/** The topic that tells that events were committed which have no position yet. */
export const OUTBOX_TOPIC = 'fog_outbox';

/** `data` is sent to users: never values of env, never secrets. Its members are snake_case. */
export type NewEvent = { readonly type: EventType; readonly data?: Readonly<Record<string, unknown>> } & (
  | {
      /** Owner, name and labels are read from the row of the deployment, so record a purge before the row is removed. */
      readonly deploymentId: string;
    }
  | { readonly userId: string }
);

/**
 * The outbox. An event is written in the transaction of the change that it reports, so there is never one without the
 * other. A trigger on the status history records changes of status; only other events are recorded here.
 */
@Injectable()
export class Events {
  constructor(private readonly pubSub: PubSub) {}

  /** Records events in one statement. An event about a deployment that does not exist is left out. */
  async record(tx: Tx, events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    await tx.query(RECORD, [JSON.stringify(events)]);
    this.announce(tx);
  }

  /** Records events that no deployment and no user owns, once for every active administrator. */
  async tellAdministrators(
    tx: Tx,
    events: readonly { readonly type: EventType; readonly data: Readonly<Record<string, unknown>> }[],
  ): Promise<void> {
    if (events.length === 0) return;
    await tx.query(TELL_ADMINISTRATORS, [JSON.stringify(events)]);
    this.announce(tx);
  }

  /**
   * Records an event of a project once for each of its active members with this role or a greater one. `project_id` and `project`, its name,
   * are added to its data.
   */
  async tellMembers(
    tx: Tx,
    { projectId, least }: { readonly projectId: string; readonly least: Role },
    { type, data }: { readonly type: EventType; readonly data: Readonly<Record<string, unknown>> },
  ): Promise<void> {
    await tx.query(TELL_MEMBERS, [projectId, type, JSON.stringify(data), ROLES.slice(ROLES.indexOf(least))]);
    this.announce(tx);
  }

  /** After the commit, tells the publisher to look at once. For callers whose change a trigger records. */
  announce(tx: Tx): void {
    afterCommit(tx, () => this.pubSub.publish(OUTBOX_TOPIC, 'new'));
  }
}

/** $1 events as JSON. */
const RECORD = `
  INSERT INTO events (type, user_id, deployment_id, labels, data)
  SELECT e.type, coalesce(event_recipient(d.project_id, d.user_id), e."userId"), d.id, coalesce(d.labels, '{}'),
         CASE WHEN d.id IS NULL THEN '{}' ELSE jsonb_build_object('deployment_id', d.id, 'name', d.name, 'labels', d.labels) END
           || coalesce(e.data, '{}')
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (type text, "deploymentId" uuid, "userId" uuid, data jsonb))
           WITH ORDINALITY AS e (type, "deploymentId", "userId", data, place)
    LEFT JOIN deployments AS d ON d.id = e."deploymentId"
   WHERE d.id IS NOT NULL OR e."userId" IS NOT NULL
   ORDER BY e.place`;

/** $1 events as JSON. */
const TELL_ADMINISTRATORS = `
  INSERT INTO events (type, user_id, data)
  SELECT e.type, u.id, e.data
    FROM jsonb_to_recordset($1::jsonb) AS e (type text, data jsonb) CROSS JOIN users AS u
   WHERE u.is_admin AND u.is_active
   ORDER BY e.type, u.id`;

/** $1 project, $2 type, $3 data as JSON, $4 roles. */
const TELL_MEMBERS = `
  INSERT INTO events (type, user_id, data)
  SELECT $2, u.id, jsonb_build_object('project_id', p.id, 'project', p.name) || $3::jsonb
    FROM projects AS p
    JOIN project_members AS m ON m.project_id = p.id AND m.role = ANY($4::text[])
    JOIN users AS u ON u.id = m.user_id AND u.is_active
   WHERE p.id = $1
   ORDER BY u.id`;
