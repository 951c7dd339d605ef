import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Client } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { encryptionSecret } from '../common/crypto/encryption-key';
import { KEY_REPLACED, SecretBox } from '../common/crypto/secret-box';
import type { SharedSecret } from '../common/crypto/shared-secret';
import { AppConfig } from '../config/app-config';
import { announceReading, announceSealing, endSealing } from './announced-keys';
import { PubSub } from './pub-sub';
import { lockSecrets, notedSecrets, ownFingerprints, type NotedSecret, type OwnFingerprints } from './shared-secrets';
import { inTransaction } from './transaction';

const LOOK_EVERY_MS = 1_000;
/** Who has one key only is seen by whoever changes it, unless its connection was just broken. */
const LOOK_NOW_AND_THEN_MS = 10_000;

/**
 * Lets the box encrypt with the key that the database says, and announces to the database which keys this process can read and which one it
 * encrypts with. So a key can be changed while processes run: none encrypts with what another one cannot read. A process that was not seen
 * meanwhile, and has not got the new key, encrypts nothing any more, and says so.
 */
@Injectable()
export class KeyInUse implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(KeyInUse.name);
  private readonly secret: SharedSecret;
  private timer: NodeJS.Timeout | undefined;
  private own: OwnFingerprints | undefined;
  private announced: { readonly client: Client; readonly keyId: number } | undefined;

  constructor(
    config: AppConfig,
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly pubSub: PubSub,
    private readonly box: SecretBox,
  ) {
    this.secret = encryptionSecret(config);
  }

  /** Throws in words when the key was changed while this process was starting. */
  async onModuleInit(): Promise<void> {
    await this.pubSub.onConnection((client) => this.announce(client));
    // Whoever changes the key holds this lock while looking for those who cannot read with it: either that one sees this process, or this
    // process sees the change.
    const fits = await inTransaction(this.dataSource, async (tx) => {
      await lockSecrets(tx);
      this.own = await ownFingerprints(tx, this.secret);
      return this.look(tx);
    });
    if (!fits) throw new Error(KEY_REPLACED);
    await this.pubSub.inSession((client) => this.tell(client));
    this.timer = setInterval(() => void this.follow(), this.box.keyIds.length === 1 ? LOOK_NOW_AND_THEN_MS : LOOK_EVERY_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async follow(): Promise<void> {
    try {
      await this.look(this.dataSource.manager);
      if (this.announced?.keyId !== this.box.sealsWith) await this.pubSub.inSession((client) => this.tell(client));
    } catch (error) {
      this.logger.warn(`Which encryption key counts could not be read, trying again: ${String(error)}`);
    }
  }

  /** False: the database is used with neither key of this process. */
  private async look(manager: EntityManager): Promise<boolean> {
    const which = this.whichCounts((await notedSecrets(manager)).get(this.secret.variable));
    if (which === 'none' && this.box.canSeal) this.logger.error(KEY_REPLACED);
    this.box.sealWith(which);
    return which !== 'none';
  }

  private whichCounts(noted: NotedSecret | undefined): 'present' | 'previous' | 'none' {
    if (noted === undefined || this.own?.present.equals(noted.fingerprint)) return 'present';
    return this.own?.previous?.equals(noted.fingerprint) ? 'previous' : 'none';
  }

  private async announce(client: Client): Promise<void> {
    if (this.announced?.client === client) return;
    const keyId = this.box.sealsWith;
    this.announced = { client, keyId };
    await announceReading(client, this.box.keyIds);
    await announceSealing(client, keyId);
    // Without a connection it was not seen, so the key may have been changed meanwhile.
    if (this.own) await this.look(this.dataSource.manager);
  }

  /** The key of now is announced before the one of before is taken back. */
  private async tell(client: Client): Promise<void> {
    const { announced: before } = this;
    const keyId = this.box.sealsWith;
    if (!before || before.client !== client || before.keyId === keyId) return;
    await announceSealing(client, keyId);
    this.announced = { client, keyId };
    await endSealing(client, before.keyId);
  }
}
