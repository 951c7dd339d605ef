const LINE_BREAKS = new Set([0x09, 0x0a, 0x0d]);
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Length as people and PostgreSQL count it: in code points. */
export const lengthOf = (text: string): number => Array.from(text).length;

/**
 * True for text that can be stored, shown and logged: well-formed Unicode without control characters.
 * NUL would fail in PostgreSQL only; the others can forge log lines. `multiline` lets tabs and line breaks through.
 */
export function isCleanText(text: string, multiline = false): boolean {
  if (LONE_SURROGATE.test(text)) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && !(multiline && LINE_BREAKS.has(code))) || (code >= 0x7f && code <= 0x9f)) return false;
  }
  return true;
}
