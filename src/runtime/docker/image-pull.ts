import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { abortWith } from '../../common/abort-with';
import { within } from '../../common/within';
import { withTag } from '../../engines/image-reference';
import type { RegistryCredential } from '../../engines/registry-credential';
import { throwIfAborted } from '../abort';
import { DriverError } from '../runtime-driver';
import { pullFailed } from '../pull-failed';
import { engineAnswer, pullError, toDriverError } from './docker-errors';
import { engineCall } from './engine-call';
import { jsonLines } from './json-lines';
import { tooLarge } from './node-image';
import { authOf } from './registry-auth';
import { PullProgress } from './pull-progress';

export interface PullLimits {
  readonly pullTimeoutSeconds: number;
  /** How long a pull may make no progress. */
  readonly pullStallSeconds: number;
  readonly maxImageMb: number;
}

export interface PullOptions {
  readonly signal: AbortSignal;
  readonly limits: PullLimits;
  readonly onProgress: (words: string) => void;
  readonly registry?: RegistryCredential | null | undefined;
}

const MIB = 1024 ** 2;
const PROGRESS_EVERY_MS = 1_000;
/** While the engine only works on other pulls, a pull may be without progress for so many times as long. */
const PATIENCE = 4;

/**
 * Pulls one image through the engine and reports progress at most once a second. Throws `image_unavailable` with one sentence
 * for whatever fails between engine and registry, also when it takes too long or comes to nothing; its `cause` is for
 * administrators. Throws `rejected` for an image that is too large, and `aborted` when the caller aborts.
 */
export async function pullImage(client: Docker, image: string, { signal, limits, onProgress, registry }: PullOptions): Promise<void> {
  onProgress(`Pulling image ${image}`);
  const timeoutMs = limits.pullTimeoutSeconds * 1000;
  await within(timeoutMs, signal, async (either) => {
    const watch = new Watch(either, limits.pullStallSeconds);
    try {
      const stream = await engineCall(
        { signal: watch.signal, doing: 'pull the image', timeoutMs, unless: (error) => engineAnswer(error) !== null },
        (abortSignal) => client.createImage(authOf(registry).authconfig, { fromImage: withTag(image), abortSignal }) as Promise<Readable>,
      );
      watch.signal.addEventListener('abort', () => void stream.destroy(), { once: true });
      await follow(stream, image, { watch, maxImageMb: limits.maxImageMb, onProgress });
    } catch (error) {
      throwIfAborted(signal);
      if (error instanceof DriverError && error.failure !== 'aborted') throw error;
      if (watch.signal.aborted) throw new DriverError('image_unavailable', pullFailed(image), { cause: watch.signal.reason });
      const answer = engineAnswer(error);
      throw answer === null ? toDriverError(error, 'pull the image') : pullError(image, answer.text, error);
    } finally {
      watch.end();
    }
  });
}

/** Gives a pull up that makes no progress. */
class Watch {
  readonly progress = new PullProgress();
  private readonly controller: AbortController;
  private readonly timer: NodeJS.Timeout;
  private patience = PATIENCE;

  constructor(signal: AbortSignal, stallSeconds: number) {
    this.controller = abortWith(signal);
    this.timer = setTimeout(() => {
      const { waitsFor } = this.progress;
      if (waitsFor === 'others') this.patience -= 1;
      if (waitsFor === 'engine' || (waitsFor === 'others' && this.patience > 0)) this.timer.refresh();
      else this.controller.abort(new Error(`There was no progress for ${stallSeconds} s`));
    }, stallSeconds * 1000);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  read(line: Record<string, unknown>): void {
    if (!this.progress.read(line)) return;
    this.patience = PATIENCE;
    this.timer.refresh();
  }

  end(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }
}

interface Following {
  readonly watch: Watch;
  readonly maxImageMb: number;
  readonly onProgress: (words: string) => void;
}

async function follow(stream: Readable, image: string, { watch, maxImageMb, onProgress }: Following): Promise<void> {
  let toldAt = Number.NEGATIVE_INFINITY;
  let told: string | null = null;
  for await (const line of jsonLines(stream)) {
    if (typeof line.error === 'string') throw pullError(image, line.error, new Error(line.error));
    watch.read(line);
    if (watch.progress.bytes > maxImageMb * MIB) throw tooLarge(image, maxImageMb);
    const { words } = watch.progress;
    if (words === told || words === null || performance.now() - toldAt < PROGRESS_EVERY_MS) continue;
    [told, toldAt] = [words, performance.now()];
    onProgress(`Pulling image ${image}: ${words}`);
  }
}
