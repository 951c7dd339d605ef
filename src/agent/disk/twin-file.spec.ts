import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeptValue } from './kept-value';
import { TwinFile } from './twin-file';

describe('a value on the disk', () => {
  let path: string;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fog-twin-'));
    path = join(folder, 'value');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = async (): Promise<string | null> => (await new TwinFile(path).read()).content?.toString() ?? null;
  const written = async (...values: string[]): Promise<void> => {
    const file = new TwinFile(path);
    await file.read();
    for (const value of values) await file.write(Buffer.from(value));
  };

  it('is what was written last, for its owner only', async () => {
    expect(await read()).toBeNull();
    await written('one', 'two', 'a longer three');
    expect(await read()).toBe('a longer three');
    await written('4');
    expect(await read()).toBe('4');
    expect(['a', 'b'].map((name) => statSync(`${path}.${name}`).mode & 0o777)).toEqual([0o600, 0o600]);
  });

  it('is the one before when a write breaks off at any byte', async () => {
    await written('one', 'two');
    const [older, newer] = ['a', 'b'].map((name) => readFileSync(`${path}.${name}`));
    await written('three');
    const whole = readFileSync(`${path}.a`);
    expect(readFileSync(`${path}.b`)).toEqual(newer);
    // Of the head and the content; what follows is room.
    const length = 44 + 'three'.length;
    for (let at = 0; at < length; at++) {
      writeFileSync(`${path}.a`, Buffer.concat([whole.subarray(0, at), older!.subarray(at)]));
      expect(await read()).toBe('two');
      truncateSync(`${path}.a`, at);
      expect(await read()).toBe('two');
    }
  });

  it('says that it is damaged when neither of its files is whole', async () => {
    await written('one', 'two');
    for (const name of ['a', 'b']) {
      const bytes = readFileSync(`${path}.${name}`);
      bytes.writeUInt8(bytes.readUInt8(45) ^ 1, 45);
      writeFileSync(`${path}.${name}`, bytes);
    }
    expect(await new TwinFile(path).read()).toEqual({ content: null, damaged: true });
  });

  it('needs no more room for a change that hardly grows', async () => {
    await written('x', 'y');
    const before = ['a', 'b'].map((name) => statSync(`${path}.${name}`).blocks);
    await written('x'.repeat(3_000), 'y'.repeat(4_000));
    expect(['a', 'b'].map((name) => statSync(`${path}.${name}`).blocks)).toEqual(before);
  });

  it('has room in both files for what is no larger than any value that was taken', async () => {
    await written('x', 'y', 'x'.repeat(10_000));
    expect(['a', 'b'].map((name) => statSync(`${path}.${name}`).size)).toEqual([16_384, 16_384]);
    const blocks = ['a', 'b'].map((name) => statSync(`${path}.${name}`).blocks);
    expect(new Set(blocks).size).toBe(1);
    await written('y'.repeat(9_000), 'x'.repeat(10_000));
    expect(['a', 'b'].map((name) => statSync(`${path}.${name}`).blocks)).toEqual(blocks);
  });

  it('is no damaged one where the process was killed before its first value was there', async () => {
    writeFileSync(`${path}.a`, '');
    writeFileSync(`${path}.b`, Buffer.alloc(4_096));
    expect(await new TwinFile(path).read()).toEqual({ content: null, damaged: false });
  });

  it('shares writes that are asked for at once, and has the newest value when they end', async () => {
    const kept = await KeptValue.open<number>(path, (value) => (typeof value === 'number' ? value : 0));
    const writes = Array.from({ length: 50 }, (_unused, index) => {
      kept.current = index;
      return kept.keep();
    });
    await Promise.all(writes);
    expect((await KeptValue.open(path, (value) => value)).current).toBe(49);
    expect(readFileSync(`${path}.a`).readBigUInt64BE(32)).toBeLessThanOrEqual(3n);
  });
});
