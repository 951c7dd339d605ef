import type { OwnQuota } from '../config/quota-list';
import type { Amounts } from '../deployments/holdings.sql';
import type { Limits } from '../quotas/quota-limits';
import type { Role } from '../rights/rights';

/** So many members may be added to a project; those who come by a group when they sign in are not refused. */
export const MOST_MEMBERS = 1_000;

/** What users say of a project. The name is in its one spelling: lower case. */
export interface ProjectWords {
  readonly name: string;
  readonly description: string;
}

/** A project whose row is locked, with the role that the caller has there. */
export interface LockedProject extends ProjectWords {
  readonly id: string;
  readonly isPersonal: boolean;
  readonly role: Role;
  readonly version: number;
}

/** A project as a caller sees it, with what it holds. */
export interface Project extends LockedProject {
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly members: number;
  /** Live ones. */
  readonly deployments: number;
  /** Those with an open reservation; what follows is the sum of these. */
  readonly replicas: number;
  readonly cpuCores: number;
  readonly memoryMb: number;
  readonly gpuUnits: number;
  readonly storageGb: number;
  /** What its quota counts; of a personal project, what its user holds in all projects. */
  readonly held: Amounts;
  /** The limits that hold. */
  readonly limits: Limits;
  /** The limits that an administrator has set. */
  readonly ownQuota: OwnQuota;
}

export interface Member {
  readonly userId: string;
  readonly username: string;
  readonly isActive: boolean;
  /** The one that counts: the stronger of the two that follow. */
  readonly role: Role;
  /** Apart from groups; null: a member by a group only. */
  readonly directRole: Role | null;
  readonly groupRole: Role | null;
  readonly addedAt: Date;
}
