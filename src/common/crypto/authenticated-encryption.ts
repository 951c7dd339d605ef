import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const IVS_AT_ONCE = 128;
const TAG_BYTES = 16;

/** What encrypted bytes are bound to. They can be read only with the same key, head and context. */
export interface Binding {
  /** 32 bytes. */
  readonly key: Buffer;
  /** Unencrypted bytes at the beginning: what a reader must know before it decrypts, such as a version. */
  readonly head: Buffer;
  /** Names where the bytes are kept, such as a row. It is not stored in them, so bytes that were moved elsewhere cannot be read. */
  readonly context: string;
}

/** Encrypts a text with AES-256-GCM. The bytes are the head, a random initialisation vector, the tag and the ciphertext. */
export function encrypt(text: string, binding: Binding): Buffer {
  const iv = nextIv();
  const cipher = createCipheriv(ALGORITHM, binding.key, iv).setAAD(authenticated(binding));
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([binding.head, iv, cipher.getAuthTag(), ciphertext]);
}

/** Gives the text back. Throws when the bytes were not encrypted with this binding, or have been changed. */
export function decrypt(bytes: Buffer, binding: Binding): string {
  const ivAt = binding.head.length;
  const tagAt = ivAt + IV_BYTES;
  const textAt = tagAt + TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, binding.key, bytes.subarray(ivAt, tagAt), { authTagLength: TAG_BYTES });
  decipher.setAAD(authenticated(binding)).setAuthTag(bytes.subarray(tagAt, textAt));
  return Buffer.concat([decipher.update(bytes.subarray(textAt)), decipher.final()]).toString('utf8');
}

/** Asking the system for so few bytes takes longer than encrypting a container with them, so it is asked for many at a time. */
function nextIv(): Buffer {
  if (fresh.length === 0) fresh = randomBytes(IV_BYTES * IVS_AT_ONCE);
  const iv = fresh.subarray(0, IV_BYTES);
  fresh = fresh.subarray(IV_BYTES);
  return iv;
}

let fresh: Buffer = Buffer.alloc(0);

/** What the tag protects besides the text. */
const authenticated = ({ head, context }: Binding): Buffer => Buffer.concat([head, Buffer.from(context, 'utf8')]);
