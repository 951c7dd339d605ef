import { createPublicKey, type KeyObject } from 'node:crypto';
import { JwksClient } from 'jwks-rsa';
import { DomainError } from '../common/problem/domain-error';

const FETCH_TIMEOUT_MS = 3_000;
/** The shortest time between two fetches, so that tokens with invented key ids cause no flood of requests to the issuer. */
const FETCH_EVERY_MS = 2_000;
const RETRY_SECONDS = 5;

/**
 * The public keys of the outside issuer, parsed once per fetch, because parsing costs more than verifying. Every fetch
 * replaces the whole set, even a fetch that an invented key id has caused. A new key is known within two seconds of its
 * first use.
 */
export class JwksKeys {
  private readonly client: JwksClient;
  private readonly maxAgeMs: number;
  private keys: ReadonlyMap<string, KeyObject> = new Map();
  private fetchedAtMs = Number.NEGATIVE_INFINITY;
  private triedAtMs = Number.NEGATIVE_INFINITY;
  private fetching: Promise<void> = Promise.resolve();

  constructor({ jwksUrl, cacheSeconds }: { jwksUrl: string; cacheSeconds: number }) {
    this.client = new JwksClient({ jwksUri: jwksUrl, timeout: FETCH_TIMEOUT_MS, cache: false });
    this.maxAgeMs = cacheSeconds * 1000;
  }

  /** Undefined when the issuer has no such key. Throws `try_again` when the issuer cannot be asked. */
  async find(kid: string | undefined): Promise<KeyObject | undefined> {
    const isFresh = performance.now() - this.fetchedAtMs < this.maxAgeMs;
    const known = isFresh ? this.pick(kid) : undefined;
    if (known) return known;
    try {
      await this.fetchUnlessJustDone();
    } catch (cause) {
      const detail = 'The identity provider does not answer, so the token cannot be checked.';
      throw new DomainError('try_again', detail, { retryAfterSeconds: RETRY_SECONDS }, { cause });
    }
    return this.pick(kid);
  }

  /** A token may leave out the key id when there is but one key. */
  private pick(kid: string | undefined): KeyObject | undefined {
    if (kid !== undefined) return this.keys.get(kid);
    return this.keys.size === 1 ? [...this.keys.values()][0] : undefined;
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
    this.keys = new Map(keys.map((key) => [key.kid, createPublicKey(key.getPublicKey())]));
    this.fetchedAtMs = performance.now();
  }
}
