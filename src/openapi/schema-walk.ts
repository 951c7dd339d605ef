/** A part of the document whose members are known only by name. */
export type Part = Record<string, unknown>;

/** Members whose values are data and not parts of the document. */
const DATA = new Set(['example', 'examples', 'default', 'enum', 'const', 'required']);

/** Whether the value is an object of JSON, and not a list. */
export const isPart = (value: unknown): value is Part => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The member if it is an object, else an empty one. */
export function partOf(part: Part, name: string): Part {
  const value = part[name];
  return isPart(value) ? value : {};
}

/** Visits every object of the document, inner ones first, so that a visitor may change or empty what it is given. */
export function walk(value: unknown, visit: (part: Part) => void): void {
  if (Array.isArray(value)) for (const entry of value) walk(entry, visit);
  if (!isPart(value)) return;
  for (const [name, member] of Object.entries(value)) if (!DATA.has(name) || isSchemaNamed(name, member)) walk(member, visit);
  visit(value);
}

/** A property may have the name of one of those members; its value is a schema then. */
const isSchemaNamed = (name: string, member: unknown): boolean =>
  name !== 'example' && name !== 'examples' && name !== 'default' && isPart(member) && ('type' in member || '$ref' in member);

/** Puts `next` in the place of the part's members. */
export function replace(part: Part, next: Part): void {
  for (const name of Object.keys(part)) Reflect.deleteProperty(part, name);
  Object.assign(part, next);
}
