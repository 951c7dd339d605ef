import type { Health } from '../../deployments/domain/health';

/** What is remembered of a running deployment that is not healthy, or has only just become so. Times are in milliseconds. */
export interface Trouble {
  /** The health that was seen last, and since when it has been that. */
  readonly health: Health;
  readonly sinceMs: number;
  /** When the trouble began. Short spells of health in between do not end it. */
  readonly beganMs: number;
  /** The health that users were told last. */
  readonly told: Health;
}

/** What users are told: that the health became worse or better than what they were told last, or that the trouble is over. */
export type HealthNews = 'degraded' | 'unhealthy' | 'recovered';

export interface NextTrouble {
  /** Null when nothing has to be remembered. */
  readonly trouble: Trouble | null;
  readonly news: HealthNews | null;
}

/**
 * What to remember and what to tell after the health was seen at `nowMs`. A trouble is told once it has lasted `delayMs`, and
 * its end once the deployment has been healthy for as long: what passes by itself is told to nobody, and what comes and goes is
 * one trouble.
 */
export function nextTrouble(
  before: Trouble | null,
  health: Health,
  { nowMs, delayMs }: { readonly nowMs: number; readonly delayMs: number },
): NextTrouble {
  if (before === null && health === 'healthy') return { trouble: null, news: null };
  const told = before?.told ?? 'healthy';
  // A time in the future is from before the clock was put back.
  const sinceMs = before?.health === health ? Math.min(before.sinceMs, nowMs) : nowMs;
  const trouble: Trouble = { health, sinceMs, beganMs: Math.min(before?.beganMs ?? nowMs, nowMs), told };
  if (health === 'healthy') {
    if (nowMs - sinceMs < delayMs) return { trouble, news: null };
    return { trouble: null, news: told === 'healthy' ? null : 'recovered' };
  }
  const lastedMs = nowMs - (told === 'healthy' ? trouble.beganMs : sinceMs);
  if (told === health || lastedMs < delayMs) return { trouble, news: null };
  return { trouble: { ...trouble, told: health }, news: health };
}
