import { generateKeyPairSync, sign } from 'node:crypto';
import { isSignedBy, keyIdOf } from './link-keys';

describe('the keys of agents', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'der', type: 'spki' })).subarray(-32);
  const signature = sign(null, Buffer.from('words'), privateKey).toString('base64url');

  it('are known by their signatures of just these words', () => {
    expect(isSignedBy(raw, 'words', signature)).toBe(true);
    expect(isSignedBy(raw, 'other words', signature)).toBe(false);
    expect(isSignedBy(Buffer.alloc(32), 'words', signature)).toBe(false);
    expect(isSignedBy(Buffer.alloc(3), 'words', 'x')).toBe(false);
  });

  it('have an id of 64 hexadecimal digits', () => expect(keyIdOf(raw)).toMatch(/^[0-9a-f]{64}$/));
});
