import { isLinearizable, LONGEST_HISTORY, type Model, type Operation } from '../support/linearizability';

type Input = 'read' | 'delete' | number;
type Output = string | number;
/** A register that can be deleted once; a number writes it and answers what was there. */
const register: Model<number | null, Input, Output> = (value, input) => {
  if (input === 'read') return { state: value, output: value ?? 'gone' };
  if (value === null) return { state: null, output: 'gone' };
  return input === 'delete' ? { state: null, output: 'deleted' } : { state: input, output: value };
};
const op = (calledAt: number, answeredAt: number, input: Input, output: Output): Operation<Input, Output> => ({
  input,
  output,
  calledAt,
  answeredAt,
});
const lost = (calledAt: number, input: Input): Operation<Input, Output> => ({ input, calledAt, answeredAt: Infinity });
const judge = (...history: Operation<Input, Output>[]): boolean => isLinearizable(history, register, 0);

describe('the linearizability checker', () => {
  it.each<[string, Operation<Input, Output>[]]>([
    ['nothing at all', []],
    ['one after the other', [op(0, 1, 5, 0), op(2, 3, 'read', 5), op(4, 5, 'delete', 'deleted'), op(6, 7, 'read', 'gone')]],
    ['a read during a write that sees it', [op(0, 9, 5, 0), op(1, 2, 'read', 5)]],
    ['a read during a write that does not', [op(0, 9, 5, 0), op(1, 2, 'read', 0)]],
    ['writes at once whose answers tell the order, whatever the order of their calls', [op(0, 9, 5, 7), op(1, 9, 7, 0)]],
    ['two deletes at once, one of which wins', [op(0, 5, 'delete', 'gone'), op(1, 6, 'delete', 'deleted')]],
    ['a lost write that took effect', [lost(0, 5), op(1, 2, 'read', 5)]],
    ['a lost write that took effect late', [lost(0, 5), op(1, 2, 'read', 0), op(3, 4, 'read', 5)]],
    ['a lost write that never took effect', [lost(0, 5), op(1, 2, 'read', 0), op(3, 4, 'read', 0)]],
    ['a delete that is told "gone" because a lost one was carried out', [lost(0, 'delete'), op(1, 2, 'delete', 'gone')]],
  ])('accepts %s', (_name, history) => {
    expect(judge(...history)).toBe(true);
  });

  it.each<[string, Operation<Input, Output>[]]>([
    ['a read that misses a write before it', [op(0, 1, 5, 0), op(2, 3, 'read', 0)]],
    ['a read from the future', [op(0, 1, 'read', 5), op(2, 3, 5, 0)]],
    ['a value that nobody wrote', [op(0, 9, 5, 0), op(0, 9, 'read', 6)]],
    ['two deletes that both win', [op(0, 5, 'delete', 'deleted'), op(1, 6, 'delete', 'deleted')]],
    ['two deletes of which none wins', [op(0, 5, 'delete', 'gone'), op(1, 6, 'delete', 'gone')]],
    ['a lost update: two writes that replaced the same value', [op(0, 5, 5, 0), op(1, 6, 7, 0)]],
    ['a resurrection', [op(0, 1, 'delete', 'deleted'), op(2, 3, 'read', 'gone'), op(4, 5, 'read', 0)]],
    ['two reads that see a write come and go', [op(0, 9, 5, 0), op(1, 2, 'read', 5), op(3, 4, 'read', 0)]],
    ['a lost write that is seen, then not', [lost(0, 5), op(1, 2, 'read', 5), op(3, 4, 'read', 0)]],
    ['the effect of a lost write before its call', [op(0, 1, 'read', 5), lost(2, 5)]],
  ])('refuses %s', (_name, history) => {
    expect(judge(...history)).toBe(false);
  });

  it('takes a moment for the longest history of operations that are all at once', () => {
    const history = Array.from({ length: LONGEST_HISTORY }, () => op(0, 1, 'delete', 'gone'));
    const begun = performance.now();
    expect(judge(...history)).toBe(false);
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(() => judge(...history, op(0, 1, 'read', 0))).toThrow('at most 30');
  });
});
