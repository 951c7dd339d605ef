import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnvFile } from './env-file';

describe('readEnvFile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fog-env-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
    delete process.env.FOG_OF_A_FILE;
  });

  it('does nothing without a file, and takes what is in one', () => {
    readEnvFile(folder);
    writeFileSync(join(folder, '.env'), 'FOG_OF_A_FILE=read\n');
    readEnvFile(folder);
    expect(process.env.FOG_OF_A_FILE).toBe('read');
  });

  it('names a file that cannot be read, and does not say that it is missing', () => {
    rmSync(join(folder, '.env'));
    mkdirSync(join(folder, '.env'));
    expect(() => readEnvFile(folder)).toThrow(`${join(folder, '.env')} is there and cannot be read`);
  });
});
