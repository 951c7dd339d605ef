import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { authority, certificateOf } from './certificates';
import { signJwt } from './jwt';

const ISSUER = 'test tokens';
const SERVICE = 'test registry';
const SECONDS = 300;

/** The token service of a registry: whoever shows the credential gets tokens for what is asked. */
export class RegistryTokenService {
  private readonly server: Server;

  private constructor(credential: { readonly username: string; readonly password: string }) {
    const expected = `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
    this.server = createServer((request, response) => {
      const answer = (status: number, body: object): void =>
        void response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      if (request.headers.authorization !== expected) return answer(401, { errors: [{ code: 'UNAUTHORIZED' }] });
      const scopes = new URL(request.url ?? '/', 'http://service').searchParams.getAll('scope');
      return answer(200, { token: tokenFor(credential.username, scopes), expires_in: SECONDS });
    });
  }

  static async start(credential: { readonly username: string; readonly password: string }): Promise<RegistryTokenService> {
    const service = new RegistryTokenService(credential);
    await new Promise<void>((resolve) => service.server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  /** The part of a registry's settings that sends clients here. */
  get settings(): object {
    const { port } = this.server.address() as AddressInfo;
    return { realm: `http://127.0.0.1:${String(port)}/token`, service: SERVICE, issuer: ISSUER };
  }

  /** What the registry has to trust, as a file. */
  readonly certificates = authority('ca');

  /** With which its registry may be asked for an image. */
  pullToken(name: string): string {
    return tokenFor('test', [`repository:${name}:pull`]);
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function tokenFor(subject: string, scopes: readonly string[]): string {
  const { cert, key } = certificateOf('server');
  const now = Math.floor(Date.now() / 1000);
  const access = scopes.map((scope) => {
    const [type, ...rest] = scope.split(':');
    return { type, name: rest.slice(0, -1).join(':'), actions: (rest.at(-1) ?? '').split(',') };
  });
  const der = cert.replace(/-----[^-]+-----|\s/g, '');
  const claims = { iss: ISSUER, sub: subject, aud: SERVICE, iat: now, nbf: now - 10, exp: now + SECONDS, jti: randomUUID(), access };
  return signJwt({ typ: 'JWT', alg: 'ES256', x5c: [der] }, claims, key);
}
