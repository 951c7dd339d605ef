import { tlsTrouble } from '../common/tls-trouble';
import { fieldOf } from '../common/field-of';
import type { SendFailure } from '../common/sent';

/** What the mail library says happened, by its code and by the command that the server answered, in words. The first match counts. */
const FAILURES: readonly (readonly [RegExp, string])[] = [
  [/^EAUTH/, 'The mail server refuses the user or the password in SMTP_URL'],
  [/^EENVELOPE MAIL/, 'The mail server refuses the sender, SMTP_FROM'],
  [/^EENVELOPE RCPT/, 'The mail server refuses the address of your account'],
  [/^EDNS|ENOTFOUND|EAI_AGAIN/, 'The name of the mail server in SMTP_URL leads nowhere'],
  [/^ETIMEDOUT|ETIMEDOUT$/, 'The mail server took too long'],
  [/^EPROTOCOL/, 'What answers at the address in SMTP_URL does not speak like a mail server'],
];

/** Why an e-mail was not sent, for the user who waits for it. It names the setting to change and nothing that the server said. */
export function mailFailure(error: unknown): SendFailure {
  const [status, code, cause, command] = ['responseCode', 'code', 'originalCode', 'command'].map((name) => fieldOf(error, name));
  const answered = typeof status === 'number' ? status : null;
  return { ok: false, status: answered, words: `${wordsOf(error, [code, command, cause].join(' '))}${tail(answered, cause)}` };
}

function wordsOf(error: unknown, said: string): string {
  const trouble = tlsTrouble(error);
  if (trouble !== null) return `The mail server of SMTP_URL was reached, but ${trouble}`;
  const known = FAILURES.find(([pattern]) => pattern.test(said.trim()));
  if (known) return known[1];
  return fieldOf(error, 'responseCode') === undefined ? 'The mail server could not be reached' : 'The mail server did not take it';
}

const tail = (status: number | null, cause: unknown): string =>
  status !== null ? ` (answer ${String(status)})` : typeof cause === 'string' ? ` (${cause})` : '';
