import fc from 'fast-check';
import { concerns, retentionFor, RETENTION_SELECTORS, type RetentionPolicy, type RetentionSubject } from './retention-policy';

const subject: RetentionSubject = { userId: 'u1', type: 'compute', labels: { team: 'edge', tier: 'gold' } };
const policy = (selector: RetentionPolicy['selector'], value: string, days: number): RetentionPolicy => ({ selector, value, days });

const values = fc.constantFrom('u1', 'u2', 'compute', 'storage', 'team=edge', 'tier=gold', 'team=core', 'team', 'edge');
const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc.record({
  selector: fc.constantFrom(...RETENTION_SELECTORS),
  value: values,
  days: fc.integer({ min: 1, max: 36_500 }),
});

describe('retentionFor', () => {
  it('is the default where no policy concerns the deployment, and says so', () => {
    expect(retentionFor([], subject, 30)).toEqual({ days: 30, words: '30 days, the default' });
    expect(retentionFor([policy('user', 'u2', 5), policy('label', 'team=core', 6)], subject, 1)).toEqual({
      days: 1,
      words: '1 day, the default',
    });
  });

  it('takes a label before the user before the type, however long each is', () => {
    const all = [policy('type', 'compute', 300), policy('user', 'u1', 200), policy('label', 'team=edge', 1)];
    expect(retentionFor(all, subject, 30)).toEqual({ days: 1, words: '1 day, by the policy for label team=edge' });
    expect(retentionFor(all.slice(0, 2), subject, 30).words).toBe('200 days, by the policy for user u1');
    expect(retentionFor(all.slice(0, 1), subject, 30).words).toBe('300 days, by the policy for type compute');
  });

  it('takes the longest of several labels', () => {
    const labels = [policy('label', 'team=edge', 10), policy('label', 'tier=gold', 90)];
    expect(retentionFor(labels, subject, 30).words).toBe('90 days, by the policy for label tier=gold');
  });

  it('does not depend on the order of the policies, nor on those of others', () => {
    fc.assert(
      fc.property(fc.array(anyPolicy, { maxLength: 12 }), fc.integer({ min: 1, max: 36_500 }), (policies, defaultDays) => {
        const expected = retentionFor(policies, subject, defaultDays);
        expect(retentionFor([...policies].reverse(), subject, defaultDays)).toEqual(expected);
        const concerned = policies.filter((each) => concerns(each, subject));
        expect(retentionFor(concerned, subject, defaultDays)).toEqual(expected);
      }),
    );
  });

  it('is never shorter than a day, and always the days of a policy that concerns it or the default', () => {
    fc.assert(
      fc.property(fc.array(anyPolicy, { maxLength: 12 }), fc.integer({ min: 1, max: 36_500 }), (policies, defaultDays) => {
        const { days } = retentionFor(policies, subject, defaultDays);
        const concerned = policies.filter((each) => concerns(each, subject)).map((each) => each.days);
        expect(concerned.length === 0 ? [defaultDays] : concerned).toContain(days);
        expect(days).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});
