import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Identity } from './identity';

/**
 * How long an answer is used. A revocation by another process takes effect at the latest after this time; users are
 * promised 5 s.
 */
const TTL_MS = 2_000;
const MAX_ENTRIES = 10_000;

export const sessionKey = (sessionId: string): string => `session:${sessionId}`;
export const apiTokenKey = (tokenHash: string): string => `api_token:${tokenHash}`;
export const externalKey = (subject: string, groups: string): string => `external:${subject}:${groups}`;

/**
 * Remembers for a moment what the database said of a credential. It keeps promises and not answers, so that requests
 * that arrive together ask once, and an answer that was under way when `forget` was called is not kept. Refusals and
 * errors are never kept.
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

  /** Forgets everything. Used after a change to a user, because the cache does not know which credentials are that user's. */
  clear(): void {
    this.entries.clear();
  }
}
