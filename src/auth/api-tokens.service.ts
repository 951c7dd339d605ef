import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { afterCommit, type Tx } from '../database/transaction';
import { ProjectAccess } from '../rights/project-access';
import type { Role } from '../rights/rights';
import { ApiTokensRepository, type ApiTokenRecord } from './api-tokens.repository';
import { apiTokenKey, CredentialCache } from './credential-cache';
import { API_TOKEN_PREFIX, hashToken, newSecretToken } from './secret-token';

const MAX_PER_USER = 100;
const SHOWN_CHARACTERS = API_TOKEN_PREFIX.length + 6;

/** A new API token. Only now is the token itself known. */
export interface CreatedApiToken {
  readonly record: ApiTokenRecord;
  readonly token: string;
}

/** The project, by name or id, and the role in which a token is to act. */
export interface TokenBinding {
  readonly project: string;
  readonly role: Role;
}

interface NewTokenSettings {
  readonly name: string;
  readonly readOnly: boolean;
  readonly expiresInDays: number;
  /** Null: the token acts wherever its user may. */
  readonly binding: TokenBinding | null;
}

/** A user's own API tokens. */
@Injectable()
export class ApiTokensService {
  constructor(
    private readonly commands: Commands,
    private readonly tokens: ApiTokensRepository,
    private readonly cache: CredentialCache,
    private readonly projects: ProjectAccess,
  ) {}

  /**
   * Throws `conflict` when the user already has the most tokens that a user may have, and `not_found` for one that is to be bound to a
   * project in which the user is no member.
   */
  create({ binding, ...settings }: NewTokenSettings, context: RequestContext): Promise<CreatedApiToken> {
    const { actor } = context;
    const token = newSecretToken(API_TOKEN_PREFIX);
    return this.commands.run(context, async (tx) => {
      await this.tokens.lockOwner(tx, actor.userId);
      if ((await this.tokens.count(tx, actor.userId)) >= MAX_PER_USER) {
        throw new DomainError('conflict', `You have ${String(MAX_PER_USER)} API tokens already. Delete one that you do not need.`);
      }
      const boundTo = binding && (await this.bind(tx, binding, actor));
      const record = await this.tokens.insert(tx, {
        ...settings,
        boundTo,
        userId: actor.userId,
        tokenHash: hashToken(token),
        prefix: token.slice(0, SHOWN_CHARACTERS),
        madeWith: actor.via === 'api_token' ? actor.credentialId : null,
      });
      const bound = boundTo ? { project_id: boundTo.projectId, role: boundTo.role } : {};
      const after = { name: record.name, read_only: record.readOnly, expires_at: record.expiresAt.toISOString(), ...bound };
      return {
        outcome: { record, token },
        audit: { action: 'token.create', resourceType: 'token', resourceId: record.id, after },
      };
    });
  }

  list(actor: Actor): Promise<ApiTokenRecord[]> {
    return this.tokens.list(actor.userId);
  }

  /** Throws `not_found` for a token of another user, as for one that does not exist. */
  revoke(id: string, context: RequestContext): Promise<void> {
    return this.commands.run(context, async (tx) => {
      const tokenHash = await this.tokens.revoke(tx, id, context.actor.userId);
      if (tokenHash === null) throw new DomainError('not_found', `API token ${id} not found`);
      afterCommit(tx, () => this.cache.forget(apiTokenKey(tokenHash)));
      return { outcome: undefined, audit: { action: 'token.revoke', resourceType: 'token', resourceId: id } };
    });
  }

  /** A bound token has the rights of a member and is never an administrator, so its user has to be a member too. */
  private async bind(tx: Tx, { project, role }: TokenBinding, actor: Actor): Promise<{ projectId: string; role: Role }> {
    const { id } = await this.projects.hold(tx, project, 'project.read', { ...actor, isAdmin: false });
    return { projectId: id, role };
  }
}
