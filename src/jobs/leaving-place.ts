import type { Place } from './job-kinds';

/** Waits for `work`, and leaves the place to other runs once that has taken `afterMs`. Takes the place again when it ends. */
export async function leavingPlace<T>(place: Place, afterMs: number, work: Promise<T>): Promise<T> {
  const timer = setTimeout(() => place.leave(), afterMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    place.take();
  }
}
