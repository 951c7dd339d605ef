import { DomainError } from '../common/problem/domain-error';
import { readPolicy } from './retention-value';

const refusal = (selector: 'label' | 'user' | 'type', value: string): unknown => {
  try {
    return readPolicy({ selector, value, days: 5 });
  } catch (error) {
    return error instanceof DomainError ? error.code : error;
  }
};

describe('readPolicy', () => {
  it('takes labels as key=value, with values that hold an equals sign or nothing', () => {
    for (const value of ['team=edge', 'a/b.c=', 'q=x=y']) expect(refusal('label', value)).toEqual({ selector: 'label', value, days: 5 });
  });

  it.each([
    ['label', 'team'],
    ['label', '=edge'],
    ['label', '-team=edge'],
    ['label', `team=${'x'.repeat(257)}`],
    ['type', 'computer'],
    ['type', ''],
  ] as const)('refuses the %s %j', (selector, value) => {
    expect(refusal(selector, value)).toBe('validation_failed');
  });

  it('writes the id of a user in lower case', () => {
    expect(refusal('user', 'ABCDEF00-0000-4000-8000-000000000000')).toMatchObject({ value: 'abcdef00-0000-4000-8000-000000000000' });
  });
});
