import { shownName, toPointer } from './pointer';

/** Bounds of a JSON document, checked before anything is built from it. */
export interface JsonLimits {
  readonly maxDepth: number;
  /** Object members in the whole document. */
  readonly maxKeys: number;
  /** Array elements in the whole document. */
  readonly maxElements: number;
}

export const JSON_LIMITS: JsonLimits = { maxDepth: 20, maxKeys: 2_000, maxElements: 2_000 };

/** Why a document was refused, and where: `pointer` is the JSON pointer (RFC 6901) of the value that was being read. */
export class JsonFault extends Error {
  constructor(
    readonly detail: string,
    readonly pointer: string,
  ) {
    super(detail);
    this.name = 'JsonFault';
  }
}

/** Refused as keys, because they can reach a prototype when a library copies members. No field of ours has these names. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor']);
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/**
 * Plain runs of characters are matched by a regular expression: a loop over 200,000 characters took up to 120 ms before
 * it was compiled.
 */
const PLAIN = /[ !#-[\]-\uffff]+/y;
const ESCAPES = /(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})){1,1000}/y;
const LITERALS = ['true', 'false', 'null'] as const;

interface Level {
  /** The keys seen so far; null for an array. */
  readonly keys: Set<string> | null;
  /** The key or index that is being read; null between members. */
  place: string | null;
  count: number;
}

/** Parses a document, or throws a JsonFault. Accepts what JSON.parse accepts, except for what the limits and rules refuse. */
export function parseJson(text: string, limits: JsonLimits = JSON_LIMITS): unknown {
  new JsonScanner(text, limits).scan();
  return JSON.parse(text);
}

/**
 * Reads a document once, from left to right. It keeps its own stack, so that time is linear and nesting cannot exhaust
 * the call stack.
 */
class JsonScanner {
  private at = 0;
  private keys = 0;
  private elements = 0;
  private readonly levels: Level[] = [];

  constructor(
    private readonly text: string,
    private readonly limits: JsonLimits,
  ) {}

  scan(): void {
    do {
      if (!this.value()) continue;
      while (this.levels.length > 0 && this.closes());
    } while (this.levels.length > 0);
    this.space();
    if (this.at < this.text.length) this.fail('Unexpected text after the end of the document');
  }

  /** Reads a scalar, or the opening of a container with the key of its first member. True when the value is complete. */
  private value(): boolean {
    this.space();
    const sign = this.text[this.at];
    if (sign === '{') return this.open(new Set(), '}');
    if (sign === '[') return this.open(null, ']');
    if (sign === '"') this.string();
    else this.scalar();
    return true;
  }

  private open(keys: Set<string> | null, end: string): boolean {
    this.at++;
    this.space();
    if (this.text[this.at] === end) {
      if (this.levels.length >= this.limits.maxDepth) this.tooDeep();
      this.at++;
      return true;
    }
    if (this.levels.length >= this.limits.maxDepth) this.tooDeep();
    this.levels.push({ keys, place: null, count: 0 });
    this.next();
    return false;
  }

  /** After a complete value: true when it ended its container, false when another member follows. */
  private closes(): boolean {
    const level = this.top();
    this.space();
    const sign = this.text[this.at];
    if (sign === (level.keys ? '}' : ']')) {
      this.at++;
      this.levels.pop();
      return true;
    }
    if (sign !== ',') this.fail(`Expected a comma or the end of the ${level.keys ? 'object' : 'array'}`);
    this.at++;
    this.next();
    return false;
  }

  /** Counts the next member of the open container and, in an object, reads its key. */
  private next(): void {
    const level = this.top();
    if (level.keys === null) {
      level.place = String(level.count++);
      if (++this.elements > this.limits.maxElements) this.fail(`More than ${String(this.limits.maxElements)} array elements`);
      return;
    }
    level.place = null;
    this.space();
    if (this.text[this.at] !== '"') this.fail('Expected a key in double quotes');
    const key = this.string();
    level.place = shownName(key);
    if (FORBIDDEN_KEYS.has(key)) this.fail('This key is not allowed');
    if (level.keys.has(key)) this.fail('The key appears twice');
    level.keys.add(key);
    if (++this.keys > this.limits.maxKeys) this.fail(`More than ${String(this.limits.maxKeys)} keys`);
    this.space();
    if (this.text[this.at] !== ':') this.fail('Expected a colon after the key');
    this.at++;
  }

  private string(): string {
    const start = this.at++;
    let escaped = false;
    for (;;) {
      this.skip(PLAIN);
      const sign = this.text[this.at];
      if (sign === '"') break;
      if (sign === undefined) this.fail('A string does not end');
      if (sign !== '\\') this.fail('A control character in a string is not escaped');
      escaped = true;
      if (!this.skip(ESCAPES)) this.fail('An escape in a string is not valid');
    }
    this.at++;
    return escaped ? String(JSON.parse(this.text.slice(start, this.at))) : this.text.slice(start + 1, this.at - 1);
  }

  private scalar(): void {
    const literal = LITERALS.find((word) => this.text.startsWith(word, this.at));
    if (literal) this.at += literal.length;
    else if (!this.skip(NUMBER)) this.fail(this.at < this.text.length ? 'Expected a value' : 'The document ends too early');
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const matches = pattern.test(this.text);
    if (matches) this.at = pattern.lastIndex;
    return matches;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private top(): Level {
    const level = this.levels.at(-1);
    if (!level) throw new Error('the scanner left its document');
    return level;
  }

  private tooDeep(): never {
    this.fail(`Nested deeper than ${String(this.limits.maxDepth)} levels`);
  }

  private fail(detail: string): never {
    const pointer = this.levels.map(({ place }) => (place === null ? '' : toPointer(place))).join('');
    throw new JsonFault(`${detail} (at character ${String(this.at + 1)}).`, pointer);
  }
}
