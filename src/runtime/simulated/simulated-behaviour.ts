import { exitReason } from '../exit-reason';
import type { WorkloadSpec } from '../runtime-driver';

/** What a simulated workload will do. Times are milliseconds after its start; null means that it does not end by itself. */
export interface SimulatedBehaviour {
  readonly refusal: 'image_unavailable' | 'rejected' | null;
  /** The name of the one node whose engine cannot start it. */
  readonly refusedBy: string | null;
  readonly readyAfterMs: number;
  readonly removalMs: number;
  readonly exitAfterMs: number | null;
  readonly exitCode: number | null;
  readonly exitReason: string | null;
  readonly unhealthy: boolean;
  readonly ignoresSigterm: boolean;
  readonly log: string;
  /** The lines are written one by one, so many milliseconds apart; null: all at the start. */
  readonly logEveryMs: number | null;
}

const SLOWNESS = 10;
const REFUSED_BY = /(?:^|\/)simulated\/refused-by:([\w.-]+)$/;
const SCRIPTED = /(?:^|\/)simulated\/(missing|rejected|crash|oom|slow|unhealthy|stubborn)(?:[:@]|$)/;

/**
 * The script of a workload, read from its image and environment; any other image starts after the delay and runs on.
 *
 * | image                    | what happens                                                        |
 * |--------------------------|---------------------------------------------------------------------|
 * | `simulated/missing:*`    | `ensure` fails with `image_unavailable`                             |
 * | `simulated/rejected:*`   | `ensure` fails with `rejected`                                      |
 * | `simulated/refused-by:N` | the engine of the node with the name N cannot start it, others can    |
 * | `simulated/crash:*`      | exits with code 1 when the delay has passed, without ever running   |
 * | `simulated/oom:*`        | ends out of memory (code 137) when the delay has passed             |
 * | `simulated/slow:*`       | takes ten times the delay to start and to stop                      |
 * | `simulated/unhealthy:*`  | starts, then fails its health check for ever                        |
 * | `simulated/stubborn:*`   | ignores SIGTERM: stopping takes the whole grace time                |
 *
 * | variable                 | what happens                                                        |
 * |--------------------------|---------------------------------------------------------------------|
 * | `SIMULATED_EXIT_AFTER_MS`| ends so long after its start, with the code below                   |
 * | `SIMULATED_EXIT_CODE`    | that code; 0 without it                                             |
 * | `SIMULATED_LOG`          | the lines that the workload writes                                  |
 * | `SIMULATED_LOG_EVERY_MS` | writes them one by one, so many ms apart, over and over             |
 */
export function simulatedBehaviour(spec: WorkloadSpec, delayMs: number): SimulatedBehaviour {
  const script = SCRIPTED.exec(spec.image)?.[1];
  const ownDelayMs = script === 'slow' ? delayMs * SLOWNESS : delayMs;
  return {
    refusal: script === 'missing' ? 'image_unavailable' : script === 'rejected' ? 'rejected' : null,
    refusedBy: REFUSED_BY.exec(spec.image)?.[1] ?? null,
    readyAfterMs: ownDelayMs,
    removalMs: ownDelayMs,
    ...exitOf(spec, script, delayMs),
    unhealthy: script === 'unhealthy',
    ignoresSigterm: script === 'stubborn',
    log: spec.env.SIMULATED_LOG ?? '',
    logEveryMs: wholeNumber(spec.env.SIMULATED_LOG_EVERY_MS, 86_400_000) || null,
  };
}

/** False for the image whose `ensure` fails with `image_unavailable`. */
export const simulatedImageExists = (image: string): boolean => SCRIPTED.exec(image)?.[1] !== 'missing';

function exitOf(
  spec: WorkloadSpec,
  script: string | undefined,
  delayMs: number,
): Pick<SimulatedBehaviour, 'exitAfterMs' | 'exitCode' | 'exitReason'> {
  const outOfMemory = script === 'oom';
  const exitAfterMs = outOfMemory || script === 'crash' ? delayMs : wholeNumber(spec.env.SIMULATED_EXIT_AFTER_MS, 86_400_000);
  if (exitAfterMs === null) return { exitAfterMs: null, exitCode: null, exitReason: null };
  const code = outOfMemory ? 137 : (wholeNumber(spec.env.SIMULATED_EXIT_CODE, 255) ?? (script === 'crash' ? 1 : 0));
  return { exitAfterMs, exitCode: code, exitReason: exitReason({ code, outOfMemory, memoryMb: spec.resources.memoryMb }) };
}

/** Users type the environment, so anything but a small whole number counts as absent. */
function wholeNumber(text: string | undefined, max: number): number | null {
  if (text === undefined || !/^\d{1,8}$/.test(text)) return null;
  return Math.min(Number(text), max);
}
