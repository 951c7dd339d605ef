import { signingSecret } from './auth/signing-key';
import { encryptionSecret } from './common/crypto/encryption-key';
import type { SharedSecret } from './common/crypto/shared-secret';
import type { AppConfig } from './config/app-config';

/** The secrets that all processes of an installation need to share. */
export const sharedSecrets = (config: AppConfig): [encryption: SharedSecret, signing: SharedSecret] => [
  encryptionSecret(config),
  signingSecret(config),
];
