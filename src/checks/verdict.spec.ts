import fc from 'fast-check';
import type { ProbeResult } from './probe-result';
import { judgeProbe, type CheckRules, type Verdict } from './verdict';

const RULES: CheckRules = { intervalMs: 1_000, retries: 3, startPeriodEndsMs: 0 };
const NEW: Verdict = { healthy: null, reason: null, failures: 0, countedAtMs: 0 };
const passed: ProbeResult = { passed: true };
const failed = (words = 'GET / answered 503', fault: 'replica' | 'way' | 'prober' = 'replica'): ProbeResult => ({
  passed: false,
  words,
  fault,
});

/** The verdict after results that come one interval after the other. */
function after(
  results: readonly ProbeResult[],
  { from = NEW, rules = RULES, everyMs }: { from?: Verdict; rules?: CheckRules; everyMs?: number } = {},
): Verdict {
  const pauseMs = everyMs ?? rules.intervalMs;
  return results.reduce((verdict, result, index) => judgeProbe(verdict, result, { rules, nowMs: (index + 1) * pauseMs }), from);
}

describe('the verdict of a health check', () => {
  it('is good after one success', () => {
    expect(after([passed])).toMatchObject({ healthy: true, reason: null });
    expect(after([failed(), failed(), passed])).toMatchObject({ healthy: true, reason: null, failures: 0 });
  });

  it('is bad after as many failures in a row as are allowed, and says so', () => {
    expect(after([failed(), failed()])).toMatchObject({ healthy: null, reason: 'GET / answered 503' });
    expect(after([failed(), failed(), failed()])).toMatchObject({
      healthy: false,
      reason: 'GET / answered 503, three times in a row',
    });
    expect(after([passed, failed(), failed(), passed, failed(), failed()])).toMatchObject({ healthy: true, reason: null });
    expect(after([passed, failed(), failed(), failed('GET / was refused')])).toMatchObject({
      healthy: false,
      reason: 'GET / was refused, three times in a row',
    });
  });

  it.each([
    [1, 'GET / answered 503'],
    [2, 'GET / answered 503, twice in a row'],
    [12, 'GET / answered 503, 12 times in a row'],
  ])('counts %i failures in words that do not change later', (retries, reason) => {
    const rules = { ...RULES, retries };
    expect(
      after(
        Array.from({ length: retries }, () => failed()),
        { rules },
      ).reason,
    ).toBe(reason);
    expect(
      after(
        Array.from({ length: retries + 5 }, () => failed()),
        { rules },
      ).reason,
    ).toBe(reason);
  });

  it('counts no failure of the start period, and all of them after the first success', () => {
    const rules = { ...RULES, startPeriodEndsMs: 10_000 };
    const fails = Array.from({ length: 9 }, () => failed());
    expect(after(fails, { rules })).toMatchObject({ healthy: null, failures: 0, reason: 'GET / answered 503' });
    expect(after([passed, failed(), failed(), failed()], { rules }).healthy).toBe(false);
  });

  it('counts one failure in an interval while a replica starts, however often it is probed', () => {
    const fails = Array.from({ length: 29 }, () => failed());
    expect(after(fails, { everyMs: 100 })).toMatchObject({ healthy: null, failures: 2 });
    expect(after([...fails, failed()], { everyMs: 100 })).toMatchObject({ healthy: false });
  });

  it('does not blame a replica that was healthy for a way that is broken, and never for a fault of the prober', () => {
    const way = Array.from({ length: 9 }, () => failed('No way', 'way'));
    const own = Array.from({ length: 9 }, () => failed('Too many files', 'prober'));
    expect(after([passed, ...way])).toMatchObject({ healthy: true, reason: null });
    expect(after([passed, ...own])).toMatchObject({ healthy: true, reason: null });
    expect(after(own)).toMatchObject({ healthy: null, reason: 'Too many files' });
    expect(after(way)).toMatchObject({ healthy: false });
  });

  it('goes on from what is recorded', () => {
    const recorded = { ...NEW, healthy: true };
    expect(after([failed(), failed()], { from: recorded }).healthy).toBe(true);
    expect(after([failed(), failed(), failed()], { from: recorded }).healthy).toBe(false);
    expect(after([failed()], { from: { ...NEW, healthy: false, reason: 'before' } }).healthy).toBe(false);
  });

  it('follows from the last success and the failures after it, whatever came before', () => {
    const result = fc.boolean().map((ok) => (ok ? passed : failed()));
    fc.assert(
      fc.property(fc.array(result, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 6 }), (results, retries) => {
        const { healthy } = after(results, { rules: { ...RULES, retries } });
        const lastSuccess = results.findLastIndex((each) => each.passed);
        const sinceThen = results.length - 1 - lastSuccess;
        expect(healthy).toBe(sinceThen >= retries ? false : lastSuccess === -1 ? null : true);
      }),
    );
  });
});
