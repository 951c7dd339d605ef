import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptionKey } from './encryption-key';
import { SecretBox } from './secret-box';

const key = (fill: string): Buffer => Buffer.alloc(32, fill);

describe('SecretBox', () => {
  const box = new SecretBox(key('a'));

  it('opens what it sealed, in its place', () => {
    expect(box.open(box.seal('whsec_ü', 'row 1'), 'row 1')).toBe('whsec_ü');
  });

  it('gives the same fingerprint for the same secret in the same place only, and only under the same key', () => {
    const known = box.fingerprint('on', 'row 1');
    expect(known).toMatch(/^[0-9a-f]{32}$/);
    expect(box.fingerprint('on', 'row 1')).toBe(known);
    const others = [box.fingerprint('off', 'row 1'), box.fingerprint('on', 'row 2'), new SecretBox(key('b')).fingerprint('on', 'row 1')];
    expect(new Set([known, ...others]).size).toBe(4);
  });

  it('opens the bytes that are in databases today', () => {
    const stored = Buffer.from('ATuj9fQHBwcHBwcHBwcHBwd1b89drBKuU4U1FpCwY94QJFBppeE/0m4=', 'base64');
    expect(box.open(stored, 'row 1')).toBe('whsec_ü');
  });

  it('seals the same secret differently each time, and never in the clear', () => {
    const [one, two] = [box.seal('secret', 'row 1'), box.seal('secret', 'row 1')];
    expect(one.equals(two)).toBe(false);
    expect(one.includes('secret')).toBe(false);
  });

  it('does not open in another place', () => {
    expect(() => box.open(box.seal('secret', 'row 1'), 'row 2')).toThrow();
  });

  it('says when another key is needed', () => {
    expect(() => new SecretBox(key('b')).open(box.seal('secret', 'x'), 'x')).toThrow(/another ENCRYPTION_KEY/);
  });

  it('notices a change of any byte', () => {
    const sealed = box.seal('secret', 'x');
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(() => box.open(changed, 'x')).toThrow();
    }
    expect(() => box.open(sealed.subarray(0, 10), 'x')).toThrow();
  });

  it('takes keys of 32 bytes only', () => {
    expect(() => new SecretBox(Buffer.alloc(16))).toThrow(/32 bytes/);
  });
});

describe('encryptionKey', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'fog-key-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once and kept where only its owner can read it', () => {
    const made = encryptionKey({ DATA_DIR: join(folder, 'new') });
    expect(made).toHaveLength(32);
    expect(encryptionKey({ DATA_DIR: join(folder, 'new') }).equals(made)).toBe(true);
    expect(statSync(join(folder, 'new', 'encryption-key')).mode & 0o777).toBe(0o600);
  });

  it('comes from the environment when it is there', () => {
    expect(encryptionKey({ ENCRYPTION_KEY: key('c').toString('base64'), DATA_DIR: folder }).equals(key('c'))).toBe(true);
  });

  it('is never replaced: a broken file is refused', () => {
    writeFileSync(join(folder, 'encryption-key'), 'short');
    expect(() => encryptionKey({ DATA_DIR: folder })).toThrow(/not 32 bytes/);
  });
});
