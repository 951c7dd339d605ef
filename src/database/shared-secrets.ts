import type { DataSource, EntityManager } from 'typeorm';
import { findSecret, fingerprintOf, requireSecret, type SharedSecret } from '../common/crypto/shared-secret';
import { inTransaction, type Tx } from './transaction';

/** How the command is called that changes a secret on purpose. */
const CHANGE_COMMAND = 'npm run secrets:change';

/** An arbitrary number that all processes of this program share. */
const SECRETS_LOCK = 727_009;

/** Another one: whoever has it changes secrets. */
const CHANGE_LOCK = 727_012;

/** What the database knows of a secret. */
export interface NotedSecret {
  /** The one that counts. */
  readonly fingerprint: Buffer;
  /** The one of before, as long as something may be encrypted with it. */
  readonly previous: Buffer | null;
}

/** The secrets of a process as the database would note them. */
export interface OwnFingerprints {
  readonly present: Buffer;
  /** Null: this process knows no other. */
  readonly previous: Buffer | null;
}

/**
 * Notes the fingerprints of these secrets in a database that has none, and throws in words when it has others: a process with other
 * secrets than its siblings cannot read what they encrypt, and refuses the tokens that they issue. Of several processes that start
 * at once, the first one decides about all of them. A secret that nobody has yet is made here. While one is being changed, a
 * process may know it as its present or as its previous one.
 */
export async function requireSharedSecrets(dataSource: DataSource, secrets: readonly SharedSecret[]): Promise<void> {
  await inTransaction(dataSource, async (tx) => {
    await lockSecrets(tx);
    const salt = await saltOf(tx);
    const known = await notedSecrets(tx);
    const faults = secrets.flatMap((secret) => {
      const noted = known.get(secret.variable);
      if (noted === undefined) return [];
      if (findSecret(secret) === undefined) return [refusal(secret, false)];
      return refusalOf(secret, noted, fingerprintsOf(secret, salt));
    });
    if (faults.length > 0) throw new Error(faults.join('\n'));
    for (const secret of secrets) if (!known.has(secret.variable)) await replaceFingerprint(tx, secret, null);
  });
}

/** Until the transaction ends no secret is changed, and no process starts. */
export async function lockSecrets(tx: Tx): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1)', [SECRETS_LOCK]);
}

/** Does this while nobody else does it. Throws in words when somebody does. */
export async function changingAlone(dataSource: DataSource, change: () => Promise<void>): Promise<void> {
  const session = dataSource.createQueryRunner();
  try {
    const [row] = (await session.query('SELECT pg_try_advisory_lock($1) AS "isAlone"', [CHANGE_LOCK])) as [{ isAlone: boolean }];
    if (!row.isAlone) throw new Error(`Another \`${CHANGE_COMMAND}\` is running on this database. Wait until it has ended.`);
    await change();
  } finally {
    await session.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    await session.release();
  }
}

export async function notedSecrets(manager: EntityManager): Promise<ReadonlyMap<string, NotedSecret>> {
  const statement = `SELECT variable, fingerprint, previous FROM shared_secrets`;
  const rows = await manager.query<(NotedSecret & { variable: string })[]>(statement);
  return new Map(rows.map(({ variable, ...noted }) => [variable, noted]));
}

/** Computed slowly, on purpose. */
export async function ownFingerprints(manager: EntityManager, secret: SharedSecret): Promise<OwnFingerprints> {
  return fingerprintsOf(secret, await saltOf(manager));
}

/** From now on the database expects this secret, whatever it expected before. `previous`: the fingerprint of the one that is not done with yet. */
export async function replaceFingerprint(manager: EntityManager, secret: SharedSecret, previous: Buffer | null): Promise<void> {
  const { present } = await ownFingerprints(manager, secret);
  await manager.query(
    `INSERT INTO shared_secrets (variable, fingerprint, previous) VALUES ($1, $2, $3)
     ON CONFLICT (variable) DO UPDATE SET fingerprint = excluded.fingerprint, previous = excluded.previous, noted_at = now()`,
    [secret.variable, present, previous],
  );
}

function fingerprintsOf(secret: SharedSecret, salt: string): OwnFingerprints {
  const of = (text: string): Buffer => fingerprintOf(text, `${salt} ${secret.variable}`);
  return { present: of(requireSecret(secret)), previous: secret.previous === undefined ? null : of(secret.previous) };
}

async function saltOf(manager: EntityManager): Promise<string> {
  const [row] = await manager.query<{ id: string }[]>(`SELECT id FROM installation LIMIT 1`);
  if (row === undefined) throw new Error('The table installation is empty: run the migrations');
  return row.id;
}

function refusalOf(secret: SharedSecret, noted: NotedSecret, own: OwnFingerprints): string[] {
  const has = (wanted: Buffer): boolean => own.present.equals(wanted) || own.previous?.equals(wanted) === true;
  if (!has(noted.fingerprint)) return [refusal(secret, true)];
  if (noted.previous === null || has(noted.previous)) return [];
  return [
    `The ${secret.name} is being changed: give this process the one of before by ${secret.variable}_PREVIOUS, ` +
      `or end the change with \`${CHANGE_COMMAND}\`.`,
  ];
}

function refusal({ name, variable, path, given }: SharedSecret, hasOne: boolean): string {
  const own = hasOne ? `${given === undefined ? `in ${path}` : `in ${variable}`} is not the one` : 'is missing';
  return (
    `The ${name} ${own} that this database is used with. Give this process the ${name} of the others by ${variable} or by the file ${path}, ` +
    `or, if it was changed on purpose, run \`${CHANGE_COMMAND}\` once.`
  );
}
