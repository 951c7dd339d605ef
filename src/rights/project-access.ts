import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { isUuid } from '../common/uuid';
import type { Tx } from '../database/transaction';
import { relyOnRole } from '../rights/acts';
import { requireRole, type Act, type Role } from '../rights/rights';
import { allows, roleIn } from '../rights/rights.sql';
import { projectNotFound } from './project-refusals';
import { reachOf } from './reach';

interface Found {
  readonly id: string;
  readonly name: string;
  readonly isPersonal: boolean;
  readonly role: Role;
}

/** Finds projects by name or id for those who may do something in them. */
@Injectable()
export class ProjectAccess {
  /**
   * The id of the project with this name or id; null means the personal project of the actor, for which nothing is asked, or the one
   * to which its token is bound. Until the transaction ends the project is not deleted. Throws `not_found` when the actor may not see
   * it, and `role_required`.
   */
  enter(tx: Tx, ref: string | null, actor: Actor): Promise<string> {
    return this.open(tx, { ref, act: 'deployment.change' }, actor);
  }

  /** The same for who only looks at deployments. */
  look(tx: Tx, ref: string | null, actor: Actor): Promise<string> {
    return this.open(tx, { ref, act: 'deployment.read' }, actor);
  }

  /** The project with this name or id, for this act. Throws as `enter` does. */
  async hold(tx: Tx, ref: string, act: Act, actor: Actor): Promise<Found> {
    const [found] = await tx.query<Found[]>(HOLD, [isUuid(ref) ? ref : null, ref.toLowerCase(), actor.userId, reachOf(actor)]);
    if (!found) throw projectNotFound(ref);
    requireRole(found.role, act);
    relyOnRole(tx, { projectId: found.id, act }, actor);
    return found;
  }

  private async open(tx: Tx, { ref, act }: { readonly ref: string | null; readonly act: Act }, actor: Actor): Promise<string> {
    const named = ref ?? actor.boundTo?.projectId ?? null;
    return named === null ? actor.userId : (await this.hold(tx, named, act, actor)).id;
  }
}

const CALLER = { project: 'p.id', userId: '$3', reach: '$4' };

/** $1 id or null, $2 name, $3 the caller, $4 what its credential reaches. An id goes before a name that looks like one. */
const HOLD = `
  SELECT p.id, p.name, p.personal_of IS NOT NULL AS "isPersonal", ${roleIn(CALLER)} AS role
    FROM projects AS p
   WHERE (p.id = $1::uuid OR p.name = $2) AND p.deleted_at IS NULL AND ${allows('project.read', CALLER)}
   ORDER BY p.id = $1::uuid DESC LIMIT 1
     FOR KEY SHARE OF p`;
