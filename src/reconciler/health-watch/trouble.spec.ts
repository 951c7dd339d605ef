import fc from 'fast-check';
import type { Health } from '../../deployments/domain/health';
import { nextTrouble, type HealthNews, type Trouble } from './trouble';

const DELAY_MS = 10_000;
const STEP_MS = 1_000;

/** What is told when the health is seen once a second. */
function told(seen: readonly Health[], startMs = 0): (HealthNews | null)[] {
  let trouble: Trouble | null = null;
  return seen.map((health, step) => {
    const next = nextTrouble(trouble, health, { nowMs: startMs + step * STEP_MS, delayMs: DELAY_MS });
    trouble = next.trouble;
    return next.news;
  });
}

const during = (health: Health, seconds: number): Health[] => Array.from({ length: seconds }, () => health);
const news = (seen: readonly Health[]): HealthNews[] => told(seen).filter((word) => word !== null);
const HEALTH = fc.constantFrom<Health>('healthy', 'degraded', 'unhealthy');

describe('the news of a deployment’s health', () => {
  it('tells a trouble when it has lasted for the delay, and its end as long after it', () => {
    const all = told([...during('healthy', 3), ...during('degraded', 20), ...during('healthy', 20)]);
    expect(all.indexOf('degraded')).toBe(13);
    expect(all.indexOf('recovered')).toBe(33);
    expect(all.filter((word) => word !== null)).toEqual(['degraded', 'recovered']);
  });

  it('tells nothing of what passes sooner', () => {
    expect(news([...during('unhealthy', 9), ...during('healthy', 30), ...during('degraded', 9), ...during('healthy', 30)])).toEqual([]);
  });

  it('takes what comes and goes for one trouble: a container that crashes every few seconds is told', () => {
    const crashing = Array.from({ length: 30 }, () => [...during('healthy', 4), ...during('degraded', 2)]).flat();
    expect(news(crashing)).toEqual(['degraded']);
    expect(news([...crashing, ...during('healthy', 20)])).toEqual(['degraded', 'recovered']);
  });

  it('tells when a trouble becomes worse or better', () => {
    const seen = [...during('degraded', 20), ...during('unhealthy', 20), ...during('degraded', 20), ...during('healthy', 20)];
    expect(news(seen)).toEqual(['degraded', 'unhealthy', 'degraded', 'recovered']);
  });

  it('remembers nothing of a healthy deployment', () => {
    expect(nextTrouble(null, 'healthy', { nowMs: 5, delayMs: DELAY_MS })).toEqual({ trouble: null, news: null });
    let trouble: Trouble | null = null;
    for (const [step, health] of [...during('degraded', 20), ...during('healthy', 11)].entries())
      ({ trouble } = nextTrouble(trouble, health, { nowMs: step * STEP_MS, delayMs: DELAY_MS }));
    expect(trouble).toBeNull();
  });

  it('waits no longer than the delay after the clock was put back', () => {
    const ahead = nextTrouble(null, 'degraded', { nowMs: 1e12, delayMs: DELAY_MS }).trouble;
    const back = nextTrouble(ahead, 'degraded', { nowMs: 1e6, delayMs: DELAY_MS });
    expect(nextTrouble(back.trouble, 'degraded', { nowMs: 1e6 + DELAY_MS, delayMs: DELAY_MS }).news).toBe('degraded');
  });

  it('never tells the same twice in a row, and ends only what it has told, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(HEALTH, fc.integer({ min: 1, max: 25 })), { maxLength: 40 }), (spells) => {
        const words = news(spells.flatMap(([health, seconds]) => during(health, seconds)));
        words.forEach((word, place) => expect(word).not.toBe(place === 0 ? 'recovered' : words[place - 1]));
      }),
    );
  });

  it('has told how it is whenever that has lasted for the delay', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(HEALTH, fc.integer({ min: 1, max: 25 })), { maxLength: 20 }), HEALTH, (spells, last) => {
        const words = news([...spells.flatMap(([health, seconds]) => during(health, seconds)), ...during(last, 11)]);
        expect(words.at(-1) ?? 'recovered').toBe(last === 'healthy' ? 'recovered' : last);
      }),
    );
  });
});
