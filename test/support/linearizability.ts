/** One operation of one client on one object, with the times of its call and its answer. */
export interface Operation<Input, Output> {
  readonly input: Input;
  /** Absent when no answer came: the operation took effect at any time after its call, or never. */
  readonly output?: Output;
  readonly calledAt: number;
  /** Infinity when no answer came. */
  readonly answeredAt: number;
}

/** What one operation alone does: the next state and its answer. */
export type Model<State, Input, Output> = (state: State, input: Input) => { readonly state: State; readonly output: Output };

/** The operations that are done are bits of a number, which has no room for more. */
export const LONGEST_HISTORY = 30;

/**
 * Whether there is an order of the operations that gives the same answers and keeps every operation between its call and its
 * answer (Herlihy and Wing; the search is that of Wing and Gong with Lowe's memory of what was tried). States and answers are
 * compared as JSON.
 */
export function isLinearizable<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  initial: State,
): boolean {
  if (history.length > LONGEST_HISTORY) throw new Error(`A history has at most ${LONGEST_HISTORY} operations`);
  const tried = new Set<string>();

  const search = (done: number, state: State): boolean => {
    const open = history.map((operation, index) => ({ ...operation, bit: 1 << index })).filter(({ bit }) => (done & bit) === 0);
    if (open.every(({ output }) => output === undefined)) return true;
    const key = `${String(done)} ${JSON.stringify(state)}`;
    if (tried.has(key)) return false;
    tried.add(key);
    // An operation cannot come first if another open one was answered before its call.
    const firstAnswer = Math.min(...open.map(({ answeredAt }) => answeredAt));
    return open.some(({ input, output, calledAt, bit }) => {
      if (calledAt > firstAnswer) return false;
      const next = model(state, input);
      const fits = output === undefined || JSON.stringify(next.output) === JSON.stringify(output);
      return fits && search(done | bit, next.state);
    });
  };
  return search(0, initial);
}
