import type { OpenAPIObject } from '@nestjs/swagger';
import { isPart, partOf, type Part } from './schema-walk';

/**
 * Moves what operations repeat to `components` and refers to it: headers, the answers of errors with their examples, and
 * parameters that occur more than once. The answer of an error is named after its codes, of which each has one status.
 */
export function shareParts(document: OpenAPIObject): void {
  const shared = { headers: new Shared('headers'), examples: new Shared('examples'), responses: new Shared('responses') };
  const operations = Object.values(document.paths).flatMap((item) => Object.values<unknown>({ ...item }).filter(isPart));
  for (const operation of operations) {
    const responses = partOf(operation, 'responses');
    for (const [status, response] of Object.entries(responses)) {
      if (!isPart(response)) continue;
      shareMembers(response, 'headers', shared.headers);
      if (Number(status) < 400) continue;
      const codes = Object.values(partOf(response, 'content')).flatMap((media) =>
        isPart(media) ? shareMembers(media, 'examples', shared.examples) : [],
      );
      if (codes.length > 0) responses[status] = shared.responses.refer(codes.join('.'), response);
    }
  }
  const parameters = shareParameters(operations);
  document.components ??= {};
  for (const parts of [...Object.values(shared), parameters]) Object.assign(document.components, parts.components());
}

/** The parts of one kind that were moved to `components`, by name. */
class Shared {
  private readonly parts = new Map<string, unknown>();

  constructor(readonly kind: 'headers' | 'examples' | 'responses' | 'parameters') {}

  /** The reference to put in the place of `part`; the part itself if another one has the name already. */
  refer(name: string, part: unknown): unknown {
    const known = this.parts.get(name);
    if (known === undefined) this.parts.set(name, part);
    else if (JSON.stringify(known) !== JSON.stringify(part)) return part;
    return { $ref: `#/components/${this.kind}/${name}` };
  }

  /** All of them in the order of their names, as a member of `components`. */
  components(): Part {
    return { [this.kind]: Object.fromEntries([...this.parts].sort(([a], [b]) => (a < b ? -1 : 1))) };
  }
}

/** Shares every member of `owner[name]` under its own name, and returns the names. */
function shareMembers(owner: Part, name: string, shared: Shared): string[] {
  const members = partOf(owner, name);
  for (const [key, member] of Object.entries(members)) members[key] = shared.refer(key, member);
  return Object.keys(members);
}

/** Of parameters with the same name the most frequent one is shared. */
function shareParameters(operations: readonly Part[]): Shared {
  const lists = operations.map(({ parameters }) => (Array.isArray(parameters) ? (parameters as unknown[]) : []));
  const counts = new Map<string, number>();
  for (const text of lists.flat().map((parameter) => JSON.stringify(parameter))) counts.set(text, (counts.get(text) ?? 0) + 1);
  const shared = new Shared('parameters');
  const frequent = [...counts].filter(([, count]) => count > 1).sort(([, a], [, b]) => b - a);
  for (const [text] of frequent) {
    for (const list of lists) {
      for (const [index, parameter] of list.entries()) {
        if (isPart(parameter) && typeof parameter.name === 'string' && JSON.stringify(parameter) === text)
          list[index] = shared.refer(parameter.name, parameter);
      }
    }
  }
  return shared;
}
