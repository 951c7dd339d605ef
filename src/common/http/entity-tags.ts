/** Entity tags separated by commas (RFC 9110, 8.8.3). Empty elements are legal and count for nothing (5.6.1). */
const LIST = /^(?:[ \t]*,)*[ \t]*(?:W\/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t]*(?:(?:W\/)?"[\x21\x23-\x7e]*")?)*$/;
const TAG = /(W\/)?("[\x21\x23-\x7e]*")/g;

export interface EntityTag {
  readonly isWeak: boolean;
  /** With its quotes. */
  readonly opaque: string;
}

/** The tags of an `If-Match` or `If-None-Match` header; null when it cannot be read. */
export function readEntityTags(header: string): '*' | readonly EntityTag[] | null {
  const text = header.trim();
  if (text === '*') return '*';
  if (!LIST.test(text)) return null;
  return [...text.matchAll(TAG)].map(([, weak, opaque = '']) => ({ isWeak: weak !== undefined, opaque }));
}
