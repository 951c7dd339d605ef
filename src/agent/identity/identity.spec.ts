import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeptValue } from '../disk/kept-value';
import { Identity, readIdentity, type KeptIdentity } from './identity';
import { keyIdOf, makeKeyPair } from './key-pair';

describe('the keys of an agent', () => {
  const NOW = new Date('2026-03-01T00:00:00Z');
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fog-identity-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const opened = async (): Promise<KeptValue<KeptIdentity>> => {
    const kept = await KeptValue.open<KeptIdentity | null>(join(folder, 'identity'), readIdentity);
    return kept.filledWith(() => ({ keys: makeKeyPair(new Date('2026-01-01T00:00:00Z')), nextKeys: null, machineId: 'm', joined: null }));
  };

  it('change only when the disk has the change', async () => {
    const identity = new Identity(await opened(), 30);
    const before = identity.keyId;
    rmSync(folder, { recursive: true });
    await expect(identity.nextKey(NOW)).rejects.toThrow();
    expect(identity.tryOtherKey()).toBe(false);
    expect(identity.keyId).toBe(before);
  });

  it('are tried in turn after a refusal, and the one that is taken stays', async () => {
    const identity = new Identity(await opened(), 30);
    const [before, next] = [identity.keyId, await identity.nextKey(NOW)];
    const nextId = next && keyIdOf(next);
    expect(identity.tryOtherKey()).toBe(true);
    expect(identity.keyId).toBe(nextId);
    expect(identity.tryOtherKey()).toBe(false);
    expect(identity.keyId).toBe(before);
    identity.tryOtherKey();
    await identity.welcomed();
    expect(identity.keyId).toBe(nextId);
    expect((await opened()).current).toMatchObject({ nextKeys: null, keys: { publicKey: identity.publicKey } });
  });

  it('stay while the one before is let in', async () => {
    const identity = new Identity(await opened(), 30);
    const before = identity.keyId;
    await identity.nextKey(NOW);
    await identity.welcomed();
    expect(identity.keyId).toBe(before);
  });

  it('are old after their days, and when they are from the future, as a wrong clock made them', async () => {
    const isOldAt = async (time: string) => (await new Identity(await opened(), 30).nextKey(new Date(time))) !== null;
    expect(await isOldAt('2026-01-30T00:00:00Z')).toBe(false);
    expect(await isOldAt('2025-12-31T12:00:00Z')).toBe(false);
    rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'fog-identity-'));
    expect(await isOldAt('2026-01-31T00:00:00Z')).toBe(true);
    rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'fog-identity-'));
    expect(await isOldAt('2019-01-01T00:00:00Z')).toBe(true);
  });
});
