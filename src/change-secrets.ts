import type { DataSource } from 'typeorm';
import { secretBoxOf } from './common/crypto/encryption-key';
import type { AppConfig } from './config/app-config';
import { changingAlone, lockSecrets, notedSecrets, ownFingerprints, replaceFingerprint } from './database/shared-secrets';
import { inTransaction } from './database/transaction';
import { changeEncryptionKey, type KeyChangeParts } from './key-change';
import { sharedSecrets } from './program-secrets';

interface SecretsChange extends Pick<KeyChangeParts, 'say' | 'patience'> {
  readonly config: AppConfig;
}

/**
 * Makes the secrets of the configuration those of the database, and says what that means. It may run beside the processes, be broken off
 * anywhere, and run again. Throws in words, before anything is changed, when that would leave somebody without a key, or somebody else
 * does it at the same time.
 */
export const changeSecrets = (dataSource: DataSource, parts: SecretsChange): Promise<void> =>
  changingAlone(dataSource, () => change(dataSource, parts));

async function change(dataSource: DataSource, { config, ...parts }: SecretsChange): Promise<void> {
  const [encryption, ...others] = sharedSecrets(config);
  const isKeyChanged = await changeEncryptionKey(dataSource, encryption, { box: secretBoxOf(config), ...parts });
  const changed = await inTransaction(dataSource, async (tx) => {
    await lockSecrets(tx);
    const noted = await notedSecrets(tx);
    const names: string[] = [];
    for (const secret of others) {
      const known = noted.get(secret.variable);
      const { present } = await ownFingerprints(tx, secret);
      if (known?.fingerprint.equals(present)) continue;
      await replaceFingerprint(tx, secret, null);
      names.push(secret.name);
    }
    return names;
  });
  for (const name of changed)
    parts.say(
      `The ${name} is changed: access tokens of before are refused, and people refresh or log in again. Restart all processes with it.`,
    );
  if (!isKeyChanged && changed.length === 0) parts.say('Nothing to do: the database is used with these secrets already.');
}
