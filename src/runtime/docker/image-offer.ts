import type Docker from 'dockerode';
import { dial } from './dial';
import { engineAnswer } from './docker-errors';
import { engineCall } from './engine-call';

const ANSWER_MS = 4_000;

/** Whether the engine has the image, or its registry offers it; nothing is pulled. Throws when neither can be found out. */
export async function offersImage(client: Docker, image: string, signal: AbortSignal): Promise<boolean> {
  const options = { signal, doing: 'look for the image', timeoutMs: ANSWER_MS, unless: (error: unknown) => engineAnswer(error) !== null };
  try {
    await engineCall(options, (abortSignal) => dial(client, { path: `/images/${image}/json`, abortSignal }));
    return true;
  } catch (error) {
    if (engineAnswer(error)?.statusCode !== 404) throw error;
  }
  try {
    await engineCall(options, (abortSignal) => client.getImage(image).distribution({ abortSignal }));
    return true;
  } catch (error) {
    // Whatever the registry's reason is, a pull would end the same way.
    if (engineAnswer(error) === null) throw error;
    return false;
  }
}
