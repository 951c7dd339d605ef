import type { Tx } from '../database/transaction';
import type { Role } from './rights';

/** What became of somebody's role in a project; null: not a member. */
export interface RoleChange {
  readonly projectId: string;
  /** The name of the project. */
  readonly project: string;
  readonly userId: string;
  readonly before: Role | null;
  readonly after: Role | null;
}

/** Tells users what became of their roles in projects. The rooms of below give it, as those who change roles by groups know no events. */
export abstract class MembershipNews {
  /** In the transaction of the changes. `byGroup`: a group of the identity provider is why. */
  abstract tell(tx: Tx, changes: readonly RoleChange[], options: { readonly byGroup: boolean }): Promise<void>;
}
