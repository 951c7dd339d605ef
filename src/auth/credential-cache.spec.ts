import { CredentialCache } from './credential-cache';
import type { Identity } from './identity';

const identity: Identity = {
  actor: { userId: 'u', username: 'ada', isAdmin: false, readOnly: false, via: 'session', credentialId: 's' },
  isActive: true,
};

describe('CredentialCache', () => {
  it('asks once for requests that come together', async () => {
    const cache = new CredentialCache();
    let asked = 0;
    const load = async (): Promise<Identity> => {
      asked++;
      await Promise.resolve();
      return identity;
    };
    await Promise.all([1, 2, 3].map(() => cache.get('a', load)));
    await cache.get('a', load);
    expect(asked).toBe(1);
    cache.forget('a');
    await cache.get('a', load);
    expect(asked).toBe(2);
  });

  it('keeps neither refusals nor errors', async () => {
    const cache = new CredentialCache();
    expect(await cache.get('a', () => Promise.resolve(null))).toBeNull();
    await expect(cache.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await cache.get('a', () => Promise.resolve(identity))).toBe(identity);
  });

  it('does not keep an answer that was under way when it was told to forget', async () => {
    const cache = new CredentialCache();
    const answers: ((value: Identity) => void)[] = [];
    const stale = cache.get('a', () => new Promise((resolve) => answers.push(resolve)));
    cache.forget('a');
    answers[0]?.(identity);
    await stale;
    expect(await cache.get('a', () => Promise.resolve(null))).toBeNull();
  });
});
