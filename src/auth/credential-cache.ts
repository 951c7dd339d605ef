import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Identity } from './identity';

/** Revocations by other processes are noticed after at most so long; the promise to users is 5 s. */
const TTL_MS = 2_000;
const MAX_ENTRIES = 10_000;

export const sessionKey = (sessionId: string): string => `session:${sessionId}`;
export const apiTokenKey = (tokenHash: string): string => `api_token:${tokenHash}`;
export const externalKey = (subject: string): string => `external:${subject}`;

/**
 * What the database said of a credential a moment ago. Promises are kept, not answers: requests that come together ask once,
 * and an answer that was under way when `forget` was called is not kept either. Refusals and errors are never kept.
 */
@Injectable()
export class CredentialCache {
  private readonly entries = new LRUCache<string, Promise<Identity | null>>({ max: MAX_ENTRIES, ttl: TTL_MS });

  get(key: string, load: () => Promise<Identity | null>): Promise<Identity | null> {
    const known = this.entries.get(key);
    if (known) return known;
    const loading = load();
    this.entries.set(key, loading);
    const drop = (): void => {
      if (this.entries.peek(key) === loading) this.entries.delete(key);
    };
    loading.then((identity) => {
      if (identity === null) drop();
    }, drop);
    return loading;
  }

  forget(key: string): void {
    this.entries.delete(key);
  }

  /** After a change to a user, whose credentials are not known here. */
  clear(): void {
    this.entries.clear();
  }
}
