import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import { MembershipNews, type RoleChange } from '../rights/membership-news';
import type { EventType } from './event-types';
import { Events } from './events';

/** One event for each role that has changed, to the user whose role it is. */
@Injectable()
export class MembershipEvents extends MembershipNews {
  constructor(private readonly events: Events) {
    super();
  }

  async tell(tx: Tx, changes: readonly RoleChange[], { byGroup }: { readonly byGroup: boolean }): Promise<void> {
    const changed = changes.filter(({ before, after }) => before !== after);
    const event = ({ projectId, project, userId, ...roles }: RoleChange) => ({
      type: typeOf(roles),
      userId,
      data: { project_id: projectId, project, role: roles.after, by_group: byGroup },
    });
    await this.events.record(tx, changed.map(event));
  }
}

function typeOf({ before, after }: Pick<RoleChange, 'before' | 'after'>): EventType {
  if (before === null) return 'fog.project.joined';
  return after === null ? 'fog.project.left' : 'fog.project.role_changed';
}
