import { SMTPServer } from 'smtp-server';
import { certificateOf } from './certificates';
import { freePort } from './program';
import { until } from './until';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** The text with its long lines in one piece again: on the way they are broken after an equals sign. */
export const unfolded = (mail: ReceivedMail | undefined): string => (mail?.text ?? '').replaceAll('=\r\n', '');

/** A real SMTP server on loopback that keeps the e-mails that it accepts, and refuses when it is told to. */
export class MailServer {
  readonly mails: ReceivedMail[] = [];
  /** The refusal that e-mails get; null when they are accepted. */
  refusal: { readonly code: number; readonly words: string } | null = null;
  private server: SMTPServer | undefined;
  private port = 0;

  private constructor(private readonly tls: boolean) {}

  /** `tls`: offers STARTTLS, with a certificate that nobody has signed but its own authority. */
  static async start({ tls = false } = {}): Promise<MailServer> {
    const mail = new MailServer(tls);
    await mail.listen();
    return mail;
  }

  get url(): string {
    return `smtp://fog:mail-password@127.0.0.1:${String(this.port)}`;
  }

  /** Listens on the same port as before, so that a server that was closed comes back. */
  async listen(): Promise<void> {
    const server = new SMTPServer({
      ...(this.tls ? certificateOf('server') : { disabledCommands: ['STARTTLS'] }),
      allowInsecureAuth: true,
      authMethods: ['PLAIN', 'LOGIN'],
      onAuth: ({ username, password }, _session, done) =>
        username === 'fog' && password === 'mail-password' ? done(null, { user: username }) : done(new Error('wrong')),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          if (this.refusal) {
            done(Object.assign(new Error(this.refusal.words), { responseCode: this.refusal.code }));
            return;
          }
          const { mailFrom, rcptTo } = session.envelope;
          const to = rcptTo.map(({ address }) => address);
          this.mails.push({ from: mailFrom === false ? '' : mailFrom.address, to, text: Buffer.concat(chunks).toString('utf8') });
          done();
        });
      },
    });
    server.on('error', () => undefined);
    // Not a port of the range of outgoing connections, one of which could take it while this does not listen.
    this.port ||= await freePort();
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.server = server;
  }

  async untilMails(count: number): Promise<readonly ReceivedMail[]> {
    await until(() => this.mails.length >= count, {
      what: `${String(count)} e-mails, not ${String(this.mails.length)}`,
      timeoutMs: 60_000,
    });
    return this.mails;
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server) await new Promise<void>((resolve) => server.close(resolve));
  }
}
