import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { SecretBox } from './common/crypto/secret-box';
import type { SharedSecret } from './common/crypto/shared-secret';
import { announcedKeys, olderTransactions, type AnnouncedKeys } from './database/announced-keys';
import {
  lockSecrets,
  notedSecrets,
  ownFingerprints,
  replaceFingerprint,
  type NotedSecret,
  type OwnFingerprints,
} from './database/shared-secrets';
import { inTransaction, type Tx } from './database/transaction';
import { resealAll } from './reseal-all';
import { forgetTickets } from './runtime/agent/forget-tickets';

/** How long the processes get. */
interface Patience {
  /** To notice that another key counts. */
  readonly noticeMs: number;
  /** To write what they had encrypted before that. */
  readonly settleMs: number;
}

export interface KeyChangeParts {
  /** Has the new key, and the one of before unless that is lost. */
  readonly box: SecretBox;
  readonly say: (words: string) => void;
  readonly patience?: Patience;
}

/** What was encrypted may wait for a place of a lane, for a connection and then for its transaction. */
const PATIENCE: Patience = { noticeMs: 60_000, settleMs: 12_000 };
const LOOK_EVERY_MS = 200;
const OTHER_KEY = 'ENCRYPTION_KEY_PREVIOUS is not the key that the database is used with';

/**
 * Changes the key that everything is encrypted with, beside running processes: first the database says that the new key counts,
 * then it is waited until no process encrypts with another, then everything is encrypted anew, until a whole look finds nothing
 * that is not. False: there was nothing to do. Throws in words when nothing was changed, and when a process does not follow.
 */
export async function changeEncryptionKey(dataSource: DataSource, secret: SharedSecret, parts: KeyChangeParts): Promise<boolean> {
  const { box, say, patience = PATIENCE } = parts;
  box.sealWith('present');
  const stage = await inTransaction(dataSource, (tx) => decide(tx, secret, box));
  if (stage === 'done') return false;
  say(stage === 'begun' ? `The ${secret.name} is changed: from now on it encrypts.` : `The change of the ${secret.name} goes on.`);
  const running = await untilNoticed(dataSource, box, patience);
  const noticed = Date.now();
  let { lost } = await resealAll(dataSource, { box, say, isFirst: true });
  if (running > 0) {
    await sleep(Math.max(0, noticed + patience.settleMs - Date.now()));
    await untilWritten(dataSource, Date.now(), patience);
  }
  for (let resealed = -1; resealed !== 0;) ({ resealed, lost } = await resealAll(dataSource, { box, say, isFirst: false }));
  await inTransaction(dataSource, async (tx) => {
    await lockSecrets(tx);
    const { cannotRead, sealOtherwise } = await announcedKeys(tx, box.sealsWith);
    if (cannotRead + sealOtherwise > 0) throw new Error(notFollowed(cannotRead + sealOtherwise));
    await replaceFingerprint(tx, secret, null);
    await forgetTickets(tx);
  });
  const end = 'Nothing is encrypted with the key of before any more: ENCRYPTION_KEY_PREVIOUS can be taken away from all processes.';
  for (const words of lost) say(words);
  if (secret.previous !== undefined) say(end);
  return true;
}

/** Makes the new key the one that counts, unless it is already. */
async function decide(tx: Tx, secret: SharedSecret, box: SecretBox): Promise<'begun' | 'goes_on' | 'done'> {
  await lockSecrets(tx);
  const noted = (await notedSecrets(tx)).get(secret.variable);
  const own = await ownFingerprints(tx, secret);
  if (noted === undefined) {
    await replaceFingerprint(tx, secret, null);
    return 'done';
  }
  const announced = await announcedKeys(tx, box.sealsWith);
  if (noted.fingerprint.equals(own.present)) return stageOf(noted, own, announced);
  const fault = faultOf(noted, own, announced);
  if (fault !== null) throw new Error(fault);
  await replaceFingerprint(tx, secret, own.previous);
  return 'begun';
}

function stageOf({ previous }: NotedSecret, own: OwnFingerprints, { processes }: AnnouncedKeys): 'goes_on' | 'done' {
  if (previous !== null && own.previous === null && processes > 0) throw new Error(withoutPrevious(processes));
  if (previous !== null && own.previous !== null && !own.previous.equals(previous)) throw new Error(OTHER_KEY);
  return previous === null && own.previous === null ? 'done' : 'goes_on';
}

/** Why the key cannot be changed now; null: it can. Pure. */
function faultOf({ fingerprint, previous }: NotedSecret, own: OwnFingerprints, announced: AnnouncedKeys): string | null {
  const { processes, cannotRead } = announced;
  if (previous !== null && !previous.equals(own.present))
    return 'The change before this one is not complete. Run this with the keys of that one first.';
  if (own.previous === null) {
    if (processes === 0) return null;
    return withoutPrevious(processes);
  }
  if (!own.previous.equals(fingerprint)) return OTHER_KEY;
  if (cannotRead === 0) return null;
  return `${wordsOf(cannotRead)} running without the new key. Restart with ENCRYPTION_KEY and ENCRYPTION_KEY_PREVIOUS first, then run this again.`;
}

const withoutPrevious = (processes: number): string =>
  `${wordsOf(processes)} running, and the key of before is missing. Give it as ENCRYPTION_KEY_PREVIOUS, to them and to this command; ` +
  'or, if it is lost, stop all processes first.';

const notFollowed = (processes: number): string =>
  `${wordsOf(processes)} running with another key again. Restart with ENCRYPTION_KEY and ENCRYPTION_KEY_PREVIOUS, then run this again: it goes on.`;

const wordsOf = (processes: number): string => (processes === 1 ? '1 process is' : `${processes} processes are`);

/** How many processes there are, once all of them encrypt with the present key. */
async function untilNoticed({ manager }: DataSource, box: SecretBox, { noticeMs }: Patience): Promise<number> {
  const deadline = Date.now() + noticeMs;
  for (;;) {
    const { processes, sealOtherwise } = await announcedKeys(manager, box.sealsWith);
    if (sealOtherwise === 0) return processes;
    const words = `${wordsOf(sealOtherwise)} still encrypting with the key of before. Restart what hangs, and run this again: it goes on.`;
    if (Date.now() > deadline) throw new Error(words);
    await sleep(LOOK_EVERY_MS);
  }
}

/** What was encrypted before may be in transactions that are still open. */
async function untilWritten({ manager }: DataSource, since: number, { noticeMs }: Patience): Promise<void> {
  const deadline = Date.now() + noticeMs;
  while ((await olderTransactions(manager, Date.now() - since)) > 0) {
    if (Date.now() > deadline)
      throw new Error('A transaction that began before the change is still open. End it, and run this again: it goes on.');
    await sleep(LOOK_EVERY_MS);
  }
}
