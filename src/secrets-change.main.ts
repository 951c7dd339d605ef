import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { changeSecrets } from './change-secrets';
import { connectPatiently } from './common/outgoing-connections';
import { secretBoxOf } from './common/crypto/encryption-key';
import { loadConfig } from './config/app-config';
import { readEnvFile } from './config/env-file';
import { hideFromLibraries } from './config/library-variables';
import { dataSourceOptions } from './data-source-options';
import { startEmbeddedPostgres } from './database/embedded/embedded-postgres';
import { holdsDatabase } from './database/embedded/server-home';
import { migrate } from './database/migrate';
import { refuseTransactionPooler } from './database/refuse-pooler';
import { sealAllEnv } from './deployments/seal-plain-env';
import { describeStartError } from './start-errors';

/**
 * Makes the secrets of this configuration those of the database. ENCRYPTION_KEY_PREVIOUS is the key that everything
 * is encrypted with until now. Exit code 0: done, or nothing to do; 2: not done, or not completely: run again, it goes on.
 */
async function main(): Promise<number> {
  readEnvFile();
  const config = loadConfig(process.env);
  hideFromLibraries(process.env, config);
  connectPatiently();
  if (config.DATABASE_URL === undefined && !holdsDatabase(config.DATA_DIR)) {
    throw new Error(`There is no database in ${config.DATA_DIR}. Set DATABASE_URL, or DATA_DIR to the folder of the embedded one.`);
  }
  const embedded = config.DATABASE_URL === undefined ? await startEmbeddedPostgres({ dataDir: config.DATA_DIR }) : null;
  const url = embedded?.url ?? config.DATABASE_URL ?? '';
  const dataSource = new DataSource(dataSourceOptions({ url, poolSize: 3, applicationName: 'fog-compute-secrets' }));
  try {
    await refuseTransactionPooler(url);
    await dataSource.initialize();
    await migrate(dataSource);
    const say = (words: string): void => void process.stdout.write(`${words}\n`);
    await changeSecrets(dataSource, { config, say });
    const box = secretBoxOf(config);
    box.sealWith('present');
    await sealAllEnv(dataSource.manager, box, say);
    return 0;
  } catch (error) {
    throw new Error(describeStartError(error, config), { cause: error });
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
    await embedded?.stop();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`The change of the secrets is not complete. ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
