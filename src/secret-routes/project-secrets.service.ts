import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AuditEntry } from '../audit/audit';
import { Commands, UNCHANGED } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { SealingState } from '../database/sealing-state';
import { inTransaction, type Tx } from '../database/transaction';
import { Quota } from '../deployments/quota';
import { SecretUsesRepository } from '../deployments/secret-uses.repository';
import { ProjectAccess } from '../rights/project-access';
import { SecretNews } from '../secrets/secret-news';
import { SecretValues } from '../secrets/secret-values';
import { SecretsRepository, type SecretView, type StoredSecret } from '../secrets/secrets.repository';
import type { PutSecret, SecretPreview, UsedSecret } from './secret.types';
import { MOST_RESTARTS, SecretRestarts } from './secret-restarts';

const MOST_SECRETS = 200;

export interface SecretOrder {
  readonly name: string;
  readonly value: string;
  /** Whether what uses it gets a new revision. */
  readonly restart: boolean;
}

/** The secrets of projects. Their values are written and never shown. */
@Injectable()
export class ProjectSecretsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly access: ProjectAccess,
    private readonly secrets: SecretsRepository,
    private readonly values: SecretValues,
    private readonly uses: SecretUsesRepository,
    private readonly restarts: SecretRestarts,
    private readonly quota: Quota,
    private readonly state: SealingState,
    private readonly news: SecretNews,
  ) {}

  /** By name. Throws `not_found`. */
  page(
    projectId: string,
    page: { readonly limit: number; readonly offset: number },
    actor: Actor,
  ): Promise<{ rows: UsedSecret[]; total: number }> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.access.hold(tx, projectId, 'secrets.read', actor);
      const { rows, total } = await this.secrets.page(tx, projectId, page);
      return { rows: await this.used(tx, projectId, rows), total };
    });
  }

  /** Throws `not_found` for the project and for the secret. */
  get(projectId: string, name: string, actor: Actor): Promise<UsedSecret> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.access.hold(tx, projectId, 'secrets.read', actor);
      return this.one(tx, projectId, requireSecret(await this.secrets.find(tx, projectId, name), name));
    });
  }

  /**
   * A value that is there already changes nothing; with `restart` what still runs another one is restarted all the same, at most
   * `MOST_RESTARTS` deployments at once. Throws `not_found`, `role_required`, `quota_exceeded`, `conflict` when there are too many, and
   * while values of `env` are not encrypted yet.
   */
  put(projectId: string, order: SecretOrder, context: RequestContext): Promise<PutSecret> {
    const { name, value, restart } = order;
    return this.commands.run(context, async (tx) => {
      await this.access.hold(tx, projectId, 'secrets.change', context.actor);
      this.requireSealing();
      await this.secrets.lock(tx, projectId, name);
      const before = await this.secrets.find(tx, projectId, name);
      const version = this.nextVersion(projectId, before, order);
      // Deployments are locked before the secret, in the order of those who change a deployment that uses it.
      const held = restart ? await this.restarts.hold(tx, projectId, { name, version }, context) : [];
      const isNew = version !== before?.version;
      const hasChanged = isNew || held.length > 0;
      const carryOut = async (): Promise<void> => {
        if (isNew) await this.write(tx, projectId, { name, value, version, before }, context.actor);
        if (isNew) await this.news.changed(tx, { ...newsOf(projectId, name, context), change: before ? 'changed' : 'created' });
        for (const deployment of held) await this.restarts.start(tx, deployment, { name, version }, context);
      };
      if (hasChanged) await this.quota.growingOf(tx, { projectId, deployments: held, secret: name, asker: context.actor }, carryOut);
      const secret = await this.one(tx, projectId, requireSecret(await this.secrets.find(tx, projectId, name), name));
      return {
        outcome: { secret, restarted: held.length },
        audit: hasChanged
          ? entry('put_secret', projectId, {
              ...(before ? { before: { name, version: before.version } } : {}),
              after: { name, version, restarted: held.length },
            })
          : UNCHANGED,
        jobs: held.map(({ id }) => ({ kind: 'deployment.reconcile' as const, key: id })),
      };
    });
  }

  /** What `put` would do. Writes nothing. Throws `not_found` and `role_required`. */
  preview(projectId: string, order: SecretOrder, actor: Actor): Promise<SecretPreview> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.access.hold(tx, projectId, 'secrets.change', actor);
      this.requireSealing();
      const before = await this.secrets.find(tx, projectId, order.name);
      const version = this.nextVersion(projectId, before, order);
      const { ids, total } = await this.uses.outdated(tx, projectId, { name: order.name, version, limit: MOST_RESTARTS });
      const result = before === null ? 'created' : version === before.version ? 'unchanged' : 'changed';
      return { result, version, outdated: total, restarts: order.restart ? ids : [] };
    });
  }

  /** Throws `not_found`, `role_required`, and `secret_in_use` while live deployments use it. */
  remove(projectId: string, name: string, context: RequestContext): Promise<void> {
    return this.commands.run(context, async (tx) => {
      await this.access.hold(tx, projectId, 'secrets.change', context.actor);
      await this.secrets.lock(tx, projectId, name);
      await this.secrets.hold(tx, projectId, name);
      const secret = requireSecret(await this.secrets.find(tx, projectId, name), name);
      const { deployments } = await this.one(tx, projectId, secret);
      if (deployments > 0) throw inUse(name, deployments);
      await this.secrets.remove(tx, projectId, name);
      await this.news.changed(tx, { ...newsOf(projectId, name, context), change: 'deleted' });
      return { outcome: undefined, audit: entry('remove_secret', projectId, { before: { name, version: secret.version } }) };
    });
  }

  private nextVersion(projectId: string, before: StoredSecret | null, { name, value }: SecretOrder): number {
    if (before === null) return 1;
    return this.isSame(projectId, before, { name, value }) ? before.version : before.version + 1;
  }

  /** A value that cannot be read any more is another one. */
  private isSame(projectId: string, { sealed }: StoredSecret, { name, value }: Pick<SecretOrder, 'name' | 'value'>): boolean {
    try {
      return this.values.open(sealed, projectId, name) === value;
    } catch {
      return false;
    }
  }

  private async write(
    tx: Tx,
    projectId: string,
    { name, value, version, before }: { name: string; value: string; version: number; before: StoredSecret | null },
    { userId }: Actor,
  ): Promise<void> {
    if (before === null && (await this.secrets.count(tx, projectId)) >= MOST_SECRETS)
      throw new DomainError('conflict', `The project has ${MOST_SECRETS} secrets already. Delete one first.`);
    const bytes = Buffer.byteLength(value);
    await this.secrets.put(tx, { projectId, name, version, sealed: this.values.seal(value, projectId, name), bytes, userId });
  }

  /** Processes of before do not know what a revision with secrets means. */
  private requireSealing(): void {
    if (this.state.sealsEnv) return;
    throw new DomainError('conflict', 'Secrets can be used once the operator has run `npm run secrets:change`, after this upgrade');
  }

  private async one(tx: Tx, projectId: string, { name, version, bytes, createdAt, updatedAt }: StoredSecret): Promise<UsedSecret> {
    const [used] = await this.used(tx, projectId, [{ name, version, bytes, createdAt, updatedAt }]);
    return used ?? { name, version, bytes, createdAt, updatedAt, deployments: 0, outdated: 0 };
  }

  private async used(tx: Tx, projectId: string, secrets: readonly SecretView[]): Promise<UsedSecret[]> {
    const uses = await this.uses.count(tx, projectId, secrets);
    return secrets.map((secret) => ({ ...secret, ...(uses.get(secret.name) ?? { deployments: 0, outdated: 0 }) }));
  }
}

function requireSecret(secret: StoredSecret | null, name: string): StoredSecret {
  if (!secret) throw new DomainError('not_found', `The project has no secret ${name}`);
  return secret;
}

function inUse(name: string, deployments: number): DomainError {
  const words = `${deployments} live ${deployments === 1 ? 'deployment uses' : 'deployments use'} the secret ${name}; change or delete them first`;
  return new DomainError('secret_in_use', words, { members: { deployments } });
}

const newsOf = (projectId: string, name: string, { actor }: RequestContext) =>
  ({ what: 'secret', projectId, name, userId: actor.userId }) as const;

const entry = (verb: 'put_secret' | 'remove_secret', projectId: string, values: Pick<AuditEntry, 'before' | 'after'>): AuditEntry => ({
  action: `project.${verb}`,
  resourceType: 'project',
  resourceId: projectId,
  ...values,
});
