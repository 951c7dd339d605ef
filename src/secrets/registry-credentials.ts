import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import { SecretBox } from '../common/crypto/secret-box';
import { credentialFor, type RegistryCredential } from '../engines/registry-credential';
import { RegistriesRepository, type StoredRegistry } from './registries.repository';

/** Many replicas of a project start at once. */
const REMEMBERED_MS = 2_000;

/** The credentials with which engines pull for a project. */
@Injectable()
export class RegistryCredentials {
  private readonly known = new LRUCache<string, Promise<StoredRegistry[]>>({ max: 1_000, ttl: REMEMBERED_MS });

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly registries: RegistriesRepository,
    private readonly box: SecretBox,
  ) {}

  seal(password: string, registryId: string): Buffer {
    return this.box.seal(password, registryContext(registryId));
  }

  /** Null when the password cannot be decrypted. */
  open({ id, sealed }: Pick<StoredRegistry, 'id' | 'sealed'>): string | null {
    return this.box.openOrNull(sealed, registryContext(id));
  }

  /**
   * For an image of the project: the most specific one, and of two such that of the project. Null when there is none. Throws in words when
   * it cannot be decrypted. What has just been changed counts after two seconds.
   */
  async for(projectId: string, image: string): Promise<RegistryCredential | null> {
    const found = credentialFor(image, await this.usable(projectId));
    if (!found) return null;
    const password = this.open(found);
    if (password === null) throw new Error(`The password of the registry ${found.name} cannot be decrypted: set it again`);
    return { revision: `${found.id}-${found.version}`, server: found.server, username: found.username, password };
  }

  private usable(projectId: string): Promise<StoredRegistry[]> {
    const known = this.known.get(projectId);
    if (known) return known;
    const reading = this.registries.usable(this.dataSource, projectId);
    this.known.set(projectId, reading);
    reading.catch(() => this.known.delete(projectId));
    return reading;
  }
}

/** The place that the encrypted password of a registry is bound to. */
export const registryContext = (registryId: string): string => `registry ${registryId}`;
