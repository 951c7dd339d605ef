import type { Violation } from './check-invariants';
import { INVARIANTS } from './invariants.sql';

/** One line per invariant; under each that does not hold the first violations and what to do. */
export function report(violations: readonly Violation[]): string[] {
  const lines = INVARIANTS.flatMap(({ id, sentence, advice }) => {
    const violation = violations.find(({ invariant }) => invariant.id === id);
    if (!violation) return [`ok        ${id}: ${sentence}`];
    const { count, examples } = violation;
    return [
      `VIOLATED  ${id}: ${sentence} ${count} ${count === 1 ? 'row breaks' : 'rows break'} it:`,
      ...examples.map(({ subject, detail }) => `          ${subject}: ${detail}`),
      ...(count > examples.length ? [`          … and ${count - examples.length} more`] : []),
      `          What to do: ${advice}`,
    ];
  });
  const broken = violations.length;
  const verdict = broken === 0 ? `All ${INVARIANTS.length} invariants hold.` : `${broken} of ${INVARIANTS.length} invariants are violated.`;
  return [...lines, verdict];
}
