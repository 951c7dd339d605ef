import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import type { AuditEntry } from '../audit/audit';
import type { Details } from '../audit/bounded-details';
import { Commands, UNCHANGED } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { inTransaction, type Tx } from '../database/transaction';
import { parseRegistryServer } from '../engines/registry-credential';
import { ProjectAccess } from '../rights/project-access';
import type { Act } from '../rights/rights';
import { RegistriesRepository, type RegistryView, type StoredRegistry } from '../secrets/registries.repository';
import { RegistryCredentials } from '../secrets/registry-credentials';
import { SecretNews } from '../secrets/secret-news';
import { RegistryCheck, type RegistryVerdict, type TestedCredential } from './registry-check';

const MOST_REGISTRIES = 50;

/** The project, or null for the installation, which only administrators reach. */
export type Place = string | null;

export interface RegistryOrder extends TestedCredential {
  readonly name: string;
}

/** Credentials for registries. Passwords are written and never shown. */
@Injectable()
export class RegistriesService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly access: ProjectAccess,
    private readonly registries: RegistriesRepository,
    private readonly credentials: RegistryCredentials,
    private readonly check: RegistryCheck,
    private readonly news: SecretNews,
  ) {}

  /** By name. Throws `not_found`. */
  list(place: Place, actor: Actor): Promise<RegistryView[]> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.enter(tx, place, 'registries.read', actor);
      return this.registries.list(tx, place);
    });
  }

  /** Throws `not_found` for the project and for the registry. */
  get(place: Place, name: string, actor: Actor): Promise<RegistryView> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.enter(tx, place, 'registries.read', actor);
      return requireRegistry(await this.registries.find(tx, place, name), name);
    });
  }

  /** Throws `not_found`, `role_required`, `validation_failed` for a server that engines may not pull from, and `conflict` when there are too many. */
  put(place: Place, order: RegistryOrder, context: RequestContext): Promise<RegistryView> {
    const { name, username, password } = order;
    const server = this.requireServer(order.server);
    return this.commands.run(context, async (tx) => {
      await this.enter(tx, place, 'registries.change', context.actor);
      await this.registries.lock(tx, place);
      const before = await this.registries.find(tx, place, name);
      if (before === null && (await this.registries.list(tx, place)).length >= MOST_REGISTRIES)
        throw new DomainError('conflict', `There are ${MOST_REGISTRIES} registries already. Delete one first.`);
      const isSame = before?.server === server && before.username === username && this.credentials.open(before) === password;
      if (before && isSame) return { outcome: before, audit: UNCHANGED };
      const id = before?.id ?? randomUUID();
      const sealed = this.credentials.seal(password, id);
      await this.registries.put(tx, { id, projectId: place, name, server, username, sealed, userId: context.actor.userId });
      await this.news.changed(tx, { ...newsOf(place, name, context), change: before ? 'changed' : 'created' });
      const registry = requireRegistry(await this.registries.find(tx, place, name), name);
      return { outcome: registry, audit: entry('put_registry', place, { before, after: registry }) };
    });
  }

  /** What the registry says to the credential. Writes nothing. Throws as `put` does. */
  async preview(place: Place, order: RegistryOrder, actor: Actor): Promise<RegistryVerdict> {
    const server = this.requireServer(order.server);
    await inTransaction(this.dataSource, (tx) => this.enter(tx, place, 'registries.change', actor));
    return this.check.ask({ ...order, server });
  }

  /** What runs goes on running. Throws `not_found` and `role_required`. */
  remove(place: Place, name: string, context: RequestContext): Promise<void> {
    return this.commands.run(context, async (tx) => {
      await this.enter(tx, place, 'registries.change', context.actor);
      await this.registries.lock(tx, place);
      const before = requireRegistry(await this.registries.find(tx, place, name), name);
      await this.registries.remove(tx, before.id);
      await this.news.changed(tx, { ...newsOf(place, name, context), change: 'deleted' });
      return { outcome: undefined, audit: entry('remove_registry', place, { before, after: null }) };
    });
  }

  private async enter(tx: Tx, place: Place, act: Act, actor: Actor): Promise<void> {
    if (place !== null) await this.access.hold(tx, place, act, actor);
  }

  private requireServer(text: string): string {
    const server = text.toLowerCase();
    const what = parseRegistryServer(server) === null ? 'name a registry, such as ghcr.io or registry.example.org:5000/team' : null;
    const fault = what ?? (this.check.allows(server) ? null : 'be one that this installation pulls from (ALLOWED_REGISTRIES)');
    if (fault === null) return server;
    throw new DomainError('validation_failed', `server must ${fault}.`, {
      errors: [{ pointer: '/server', detail: `server must ${fault}` }],
    });
  }
}

function requireRegistry(registry: StoredRegistry | null, name: string): StoredRegistry {
  if (!registry) throw new DomainError('not_found', `There is no registry ${name}`);
  return registry;
}

const newsOf = (projectId: Place, name: string, { actor }: RequestContext) =>
  ({ what: 'registry', projectId, name, userId: actor.userId }) as const;

const shown = ({ name, server, username }: RegistryView): Details => ({ name, server, username });

const entry = (
  verb: 'put_registry' | 'remove_registry',
  place: Place,
  { before, after }: { readonly before: StoredRegistry | null; readonly after: StoredRegistry | null },
): AuditEntry => ({
  ...(place === null
    ? { action: `admin.${verb}`, resourceType: 'registry', resourceId: (after ?? before)?.id ?? null }
    : { action: `project.${verb}`, resourceType: 'project', resourceId: place }),
  ...(before ? { before: shown(before) } : {}),
  ...(after ? { after: shown(after) } : {}),
});
