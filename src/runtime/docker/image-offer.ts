import type Docker from 'dockerode';
import { withTag } from '../../engines/image-reference';
import type { AllowedRegistries } from '../allowed-registries';
import type { WantedImage } from '../runtime-driver';
import { dial } from './dial';
import { engineAnswer, isNoSuchImage, isRefusedByRegistry } from './docker-errors';
import { authOf } from './registry-auth';
import { engineCall } from './engine-call';

const ANSWER_MS = 4_000;

interface OfferOptions {
  readonly signal: AbortSignal;
  readonly registries: AllowedRegistries;
}

/**
 * Whether the engine has the image, or its registry offers it; nothing is pulled. False only when the registry says no, or may
 * not be asked. Throws when that cannot be found out.
 */
export async function offersImage(
  client: Docker,
  { image, registry }: WantedImage,
  { signal, registries }: OfferOptions,
): Promise<boolean> {
  const options = { signal, doing: 'look for the image', timeoutMs: ANSWER_MS, unless: (error: unknown) => engineAnswer(error) !== null };
  try {
    await engineCall(options, (abortSignal) => dial(client, { path: `/images/${withTag(image)}/json`, abortSignal }));
    return true;
  } catch (error) {
    if (!isNoSuchImage(error)) throw error;
  }
  if (!registries.allows(image)) return false;
  try {
    await engineCall(options, (abortSignal) => client.getImage(withTag(image)).distribution({ abortSignal, ...authOf(registry) }));
    return true;
  } catch (error) {
    if (!isRefusedByRegistry(error)) throw error;
    return false;
  }
}
