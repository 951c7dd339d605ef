import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fieldOf } from '../../common/field-of';

const HASH_BYTES = 32;
const HEAD_BYTES = HASH_BYTES + 8 + 4;
const NAMES = ['a', 'b'] as const;
/** Files have at least this size and grow by doubling, so that a value which grows a little finds its blocks there. */
const LEAST_BYTES = 4096;

/** What the disk has of a value. `damaged`: there are files, and none of them is whole. */
export interface Kept {
  readonly content: Buffer | null;
  readonly damaged: boolean;
}

interface Slot {
  readonly sequence: number;
  readonly content: Buffer;
}

/**
 * A value on the disk that is replaced as a whole, readable by its owner only. Its two files are overwritten in turn, so a
 * process that is killed at any byte leaves the value from before, and a full disk has room for a value that is hardly larger than any
 * that it took: the blocks are there, in both files. `write` resolves when the disk has it. Calls one after the other, never two at once.
 */
export class TwinFile {
  private newest: { readonly name: (typeof NAMES)[number]; readonly sequence: number } | null = null;

  constructor(private readonly path: string) {}

  /** To be called once, before the first `write`. Throws as the file system does. */
  async read(): Promise<Kept> {
    let found: Slot | null = null;
    let present = false;
    for (const name of NAMES) {
      const bytes = await bytesOf(`${this.path}.${name}`);
      // A file with nothing but room is one whose first write never began.
      present ||= bytes?.some((byte) => byte !== 0) === true;
      const slot = bytes === null ? null : parse(bytes);
      if (slot === null || (found !== null && slot.sequence < found.sequence)) continue;
      found = slot;
      this.newest = { name, sequence: slot.sequence };
    }
    return { content: found?.content ?? null, damaged: present && found === null };
  }

  async write(content: Buffer): Promise<void> {
    const name = this.newest?.name === 'a' ? 'b' : 'a';
    const sequence = (this.newest?.sequence ?? 0) + 1;
    const bytes = format({ sequence, content });
    // In both files before either is changed: what is taken now leaves room for whatever comes next and is no larger.
    for (const each of NAMES) await makeRoom(`${this.path}.${each}`, bytes.length);
    const file = await open(`${this.path}.${name}`, constants.O_RDWR);
    try {
      await writeAt(file, bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    this.newest = { name, sequence };
  }
}

/** Makes the file at least so large, without a change of what it has. */
async function makeRoom(path: string, size: number): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const { size: before } = await file.stat();
    if (before >= size) return;
    await writeAt(file, Buffer.alloc(size - before), before);
    await file.sync();
    if (before === 0) await syncFolder(dirname(path));
  } finally {
    await file.close();
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}

function format({ sequence, content }: Slot): Buffer {
  const head = Buffer.alloc(HEAD_BYTES - HASH_BYTES);
  head.writeBigUInt64BE(BigInt(sequence));
  head.writeUInt32BE(content.length, 8);
  const bytes = Buffer.concat([hashOf(head, content), head, content]);
  let size = LEAST_BYTES;
  while (size < bytes.length) size *= 2;
  return Buffer.concat([bytes], size);
}

/** Null when it is not whole. What is behind the content is room for a longer one. */
function parse(bytes: Buffer): Slot | null {
  if (bytes.length < HEAD_BYTES) return null;
  const head = bytes.subarray(HASH_BYTES, HEAD_BYTES);
  const content = bytes.subarray(HEAD_BYTES, HEAD_BYTES + head.readUInt32BE(8));
  if (content.length < head.readUInt32BE(8) || !hashOf(head, content).equals(bytes.subarray(0, HASH_BYTES))) return null;
  return { sequence: Number(head.readBigUInt64BE()), content };
}

const hashOf = (head: Buffer, content: Buffer): Buffer => createHash('sha256').update(head).update(content).digest();

async function bytesOf(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (fieldOf(error, 'code') === 'ENOENT') return null;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
