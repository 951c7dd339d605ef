import { setMaxListeners } from 'node:events';

/**
 * A controller that aborts as soon as one of `signals` does, with the same reason. Also abort it when the work has
 * ended: that removes its listeners from them. `AbortSignal.any` is no substitute: on a signal that lives as long as
 * the process it leaves an entry for every call (Node 20).
 */
export function abortWith(...signals: readonly AbortSignal[]): AbortController {
  const controller = new AbortController();
  // Any number of works may depend on one signal, which is more than Node's warning limit.
  setMaxListeners(Infinity, controller.signal, ...signals);
  const follow = ({ target }: Event): void => controller.abort((target as AbortSignal).reason);
  controller.signal.addEventListener(
    'abort',
    () => {
      for (const signal of signals) signal.removeEventListener('abort', follow);
    },
    { once: true },
  );
  for (const signal of signals) signal.addEventListener('abort', follow);
  const fired = signals.find(({ aborted }) => aborted);
  if (fired) controller.abort(fired.reason);
  return controller;
}
