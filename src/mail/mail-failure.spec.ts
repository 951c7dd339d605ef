import { mailFailure } from './mail-failure';

const failed = (fields: object, message = 'x'): Error => Object.assign(new Error(message), fields);

describe('mailFailure', () => {
  it.each<[Error, number | null, string]>([
    [
      failed({ code: 'EAUTH', responseCode: 535, command: 'AUTH PLAIN' }),
      535,
      'The mail server refuses the user or the password in SMTP_URL (answer 535)',
    ],
    [
      failed({ code: 'EENVELOPE', responseCode: 550, command: 'MAIL FROM' }),
      550,
      'The mail server refuses the sender, SMTP_FROM (answer 550)',
    ],
    [
      failed({ code: 'EENVELOPE', responseCode: 550, command: 'RCPT TO' }),
      550,
      'The mail server refuses the address of your account (answer 550)',
    ],
    [failed({ code: 'EMESSAGE', responseCode: 451, command: 'DATA' }), 451, 'The mail server did not take it (answer 451)'],
    [failed({ code: 'EDNS', originalCode: 'ENOTFOUND' }), null, 'The name of the mail server in SMTP_URL leads nowhere (ENOTFOUND)'],
    [failed({ code: 'ESOCKET', originalCode: 'ECONNREFUSED' }), null, 'The mail server could not be reached (ECONNREFUSED)'],
    [failed({ code: 'ETIMEDOUT' }), null, 'The mail server took too long'],
    [
      failed({ code: 'ESOCKET', originalCode: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'self-signed certificate'),
      null,
      'The mail server of SMTP_URL was reached, but its certificate is self-signed, by nobody who is trusted here (DEPTH_ZERO_SELF_SIGNED_CERT)',
    ],
  ])('%s', (error, status, words) => {
    expect(mailFailure(error)).toEqual({ ok: false, status, words });
  });
});
