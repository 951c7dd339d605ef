import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { JwksClient } from 'jwks-rsa';
import { DomainError } from '../common/problem/domain-error';
import { tlsTrouble } from '../common/tls-trouble';
import { outlineOf } from './jwt-format';

const FETCH_TIMEOUT_MS = 3_000;
/** The shortest time between two fetches, so that tokens with invented key ids cause no flood of requests to the issuer. */
const FETCH_EVERY_MS = 2_000;
const RETRY_SECONDS = 5;
/** An issuer that rotates its keys has two or three. */
const MOST_TRIED = 8;
const KEY_TYPES: Readonly<Record<string, string>> = { RS256: 'rsa', ES256: 'ec' };

interface IssuerKey {
  readonly kid: string | undefined;
  readonly key: KeyObject;
}

/**
 * The public keys of the outside issuer, parsed once per fetch, because parsing costs more than verifying. Every fetch
 * replaces the whole set, even a fetch that an invented key id has caused. A new key is known within two seconds of its
 * first use.
 */
export class JwksKeys {
  private readonly client: JwksClient;
  private readonly maxAgeMs: number;
  private keys: readonly IssuerKey[] = [];
  private fetchedAtMs = Number.NEGATIVE_INFINITY;
  private triedAtMs = Number.NEGATIVE_INFINITY;
  private fetching: Promise<void> = Promise.resolve();

  constructor({ jwksUrl, cacheSeconds }: { jwksUrl: string; cacheSeconds: number }) {
    this.client = new JwksClient({ jwksUri: jwksUrl, timeout: FETCH_TIMEOUT_MS, cache: false });
    this.maxAgeMs = cacheSeconds * 1000;
  }

  /** The key to verify a token with; undefined when the issuer has no such key. Throws `try_again` when the issuer cannot be asked. */
  async find(token: string): Promise<KeyObject | undefined> {
    const isFresh = performance.now() - this.fetchedAtMs < this.maxAgeMs;
    const known = isFresh ? this.pick(token) : undefined;
    if (known) return known;
    try {
      await this.fetchUnlessJustDone();
    } catch (cause) {
      const detail = `The identity provider ${whyNot(cause)}, so the token cannot be checked.`;
      throw new DomainError('try_again', detail, { retryAfterSeconds: RETRY_SECONDS }, { cause });
    }
    return this.pick(token);
  }

  /**
   * By the key id; issuers may leave it out of their tokens or their keys, and give two keys the same. Then the kind of the key decides,
   * and at last which of them has made the signature.
   */
  private pick(token: string): KeyObject | undefined {
    const outline = outlineOf(token);
    if (outline === null) return undefined;
    const fitting = this.keys.filter(
      ({ kid, key }) =>
        (kid === undefined || outline.kid === undefined || kid === outline.kid) && key.asymmetricKeyType === KEY_TYPES[outline.alg],
    );
    const named = fitting.filter(({ kid }) => kid !== undefined && kid === outline.kid);
    const [only, ...more] = named.map(({ key }) => key);
    if (only !== undefined && more.length === 0) return only;
    // A key that is not named may be one that the issuer has replaced: then the newest are fetched.
    const tried = (named.length > 0 ? named : fitting).slice(0, MOST_TRIED);
    return tried.find(({ key }) => hasSigned(key, token))?.key;
  }

  /** Requests that arrive together share one fetch. Requests soon after it get its result, even when it failed. */
  private fetchUnlessJustDone(): Promise<void> {
    const now = performance.now();
    if (now - this.triedAtMs >= FETCH_EVERY_MS) {
      this.triedAtMs = now;
      this.fetching = this.fetch();
    }
    return this.fetching;
  }

  private async fetch(): Promise<void> {
    const keys = await this.client.getSigningKeys();
    this.keys = keys.map((key) => ({ kid: key.kid, key: createPublicKey(key.getPublicKey()) }));
    this.fetchedAtMs = performance.now();
  }
}

function whyNot(cause: unknown): string {
  const trouble = tlsTrouble(cause);
  return trouble === null ? 'does not answer' : `was reached, but ${trouble}`;
}

function hasSigned(key: KeyObject, token: string): boolean {
  const dot = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(dot + 1), 'base64url');
  return verify('sha256', Buffer.from(token.slice(0, dot)), { key, dsaEncoding: 'ieee-p1363' }, signature);
}
