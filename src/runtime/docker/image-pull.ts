import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { isTimeUp, within } from '../../common/within';
import { throwIfAborted } from '../abort';
import { DriverError } from '../runtime-driver';
import { engineAnswer, pullError, toDriverError } from './docker-errors';
import { engineCall } from './engine-call';
import { jsonLines, recordAt } from './json-lines';

export interface PullOptions {
  readonly signal: AbortSignal;
  readonly timeoutSeconds: number;
  readonly onProgress: (words: string) => void;
}

const MB = 1_000_000;
const PROGRESS_EVERY_MS = 1_000;

/**
 * Pulls one image through the engine and reports progress at most once a second. Throws `image_unavailable` with a sentence
 * that names the image, `timeout` when the time is up, `aborted` when the caller aborts.
 */
export async function pullImage(client: Docker, image: string, { signal, timeoutSeconds, onProgress }: PullOptions): Promise<void> {
  onProgress(`Pulling image ${image}`);
  const timeoutMs = timeoutSeconds * 1000;
  await within(timeoutMs, signal, async (either) => {
    try {
      const stream = await engineCall(
        { signal: either, doing: 'pull the image', timeoutMs, unless: (error) => engineAnswer(error) !== null },
        (abortSignal) => client.createImage({ fromImage: withTag(image), abortSignal }) as Promise<Readable>,
      );
      const onAbort = (): void => void stream.destroy();
      either.addEventListener('abort', onAbort, { once: true });
      await follow(stream, image, onProgress);
    } catch (error) {
      throwIfAborted(signal);
      if (isTimeUp(either))
        throw new DriverError('timeout', `Image ${image} could not be pulled within ${timeoutSeconds} s`, { cause: error });
      const answer = engineAnswer(error);
      throw answer === null ? toDriverError(error, 'pull the image') : pullError(image, answer.text, error);
    }
  });
}

/** Adds `latest` where the tag is missing; without a tag the engine would pull all tags of the image. */
const withTag = (image: string): string => (image.includes('@') || /:[^/]+$/.test(image) ? image : `${image}:latest`);

async function follow(stream: Readable, image: string, onProgress: (words: string) => void): Promise<void> {
  const layers = new Map<string, { current: number; total: number }>();
  let toldAt = Number.NEGATIVE_INFINITY;
  let told = '';
  for await (const line of jsonLines(stream)) {
    if (typeof line.error === 'string') throw pullError(image, line.error);
    const { current, total } = recordAt(line, 'progressDetail');
    if (line.status !== 'Downloading' || typeof line.id !== 'string' || typeof current !== 'number' || typeof total !== 'number') continue;
    layers.set(line.id, { current, total });
    const words = progressWords(image, [...layers.values()]);
    if (words === told || performance.now() - toldAt < PROGRESS_EVERY_MS) continue;
    [told, toldAt] = [words, performance.now()];
    onProgress(words);
  }
}

function progressWords(image: string, layers: readonly { current: number; total: number }[]): string {
  const sum = (key: 'current' | 'total'): number => layers.reduce((total, layer) => total + layer[key], 0);
  return `Pulling image ${image}: ${Math.round(sum('current') / MB)} of ${Math.max(1, Math.round(sum('total') / MB))} MB`;
}
