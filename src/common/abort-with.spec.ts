import { getEventListeners, getMaxListeners } from 'node:events';
import { abortWith } from './abort-with';

const listenersOf = (...signals: AbortSignal[]): number => signals.flatMap((signal) => getEventListeners(signal, 'abort')).length;

describe('abortWith', () => {
  it.each([0, 1])('fires with signal %i, for its reason, and lets go of both', (which) => {
    const sources = [new AbortController(), new AbortController()];
    const { signal } = abortWith(...sources.map((source) => source.signal));
    const told = jest.fn();
    signal.addEventListener('abort', told);
    expect(signal.aborted).toBe(false);
    sources[which]?.abort('why');
    expect([signal.reason, told.mock.calls.length, listenersOf(...sources.map((source) => source.signal))]).toEqual(['why', 1, 0]);
  });

  it('has fired from the start where a signal has', () => {
    const quiet = new AbortController().signal;
    const { signal } = abortWith(quiet, AbortSignal.abort('before'));
    expect([signal.reason, listenersOf(quiet)]).toEqual(['before', 0]);
  });

  it('lets any number of works depend on one signal without a warning', () => {
    const forever = new AbortController().signal;
    const work = abortWith(forever);
    expect([getMaxListeners(forever), getMaxListeners(work.signal)]).toEqual([Infinity, Infinity]);
  });

  it('leaves nothing on a signal that lives on, when the work has ended', () => {
    const forever = new AbortController().signal;
    const work = abortWith(forever);
    expect(listenersOf(forever)).toBe(1);
    work.abort();
    expect(listenersOf(forever)).toBe(0);
  });
});
