import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signJwt } from './jwt';

interface IssuerKey {
  readonly kid: string;
  readonly alg: 'RS256' | 'ES256';
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A small identity provider that publishes keys over HTTP and signs tokens. It can change its keys and be away. */
export class TestIssuer {
  readonly issuer = 'https://issuer.test/';
  readonly audience = 'fog';
  private readonly server: Server;
  private keys: IssuerKey[] = [];
  private port = 0;
  isAway = false;
  requests = 0;
  /** How the document with the keys is written. */
  publish: (keys: readonly Record<string, unknown>[]) => readonly object[] = (keys) => keys;

  constructor() {
    this.server = createServer((_request, response) => {
      this.requests++;
      if (this.isAway) {
        response.writeHead(500).end();
        return;
      }
      const keys = this.keys.map(({ kid, alg, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: this.publish(keys) }));
    });
  }

  async start(): Promise<this> {
    this.addKey('RS256');
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get environment(): { JWT_JWKS_URL: string; JWT_ISSUER: string; JWT_AUDIENCE: string } {
    return { JWT_JWKS_URL: `http://127.0.0.1:${String(this.port)}/jwks`, JWT_ISSUER: this.issuer, JWT_AUDIENCE: this.audience };
  }

  /** From now on this key signs. */
  addKey(alg: IssuerKey['alg']): IssuerKey {
    const pair = alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = { kid: randomUUID(), alg, ...pair };
    this.keys = [key, ...this.keys];
    return key;
  }

  withdraw(kid: string): void {
    this.keys = this.keys.filter((key) => key.kid !== kid);
  }

  get newest(): IssuerKey {
    const [key] = this.keys;
    if (!key) throw new Error('The issuer has no key.');
    return key;
  }

  claims(over: Record<string, unknown> = {}): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    return { iss: this.issuer, aud: this.audience, sub: randomUUID(), jti: randomUUID(), iat: now, exp: now + 300, ...over };
  }

  token(over: Record<string, unknown> = {}, key: IssuerKey = this.newest, header: Record<string, unknown> = {}): string {
    return signJwt({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header }, this.claims(over), key.privateKey);
  }
}
