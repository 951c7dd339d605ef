/** How often the rights of who waits or reads are asked for again. The guard remembers them for 2 s, so they end within 5 s. */
export const RIGHTS_BEAT_MS = 2_500;

/**
 * Aborts `end` with the refusal as soon as there is one. `refusal` gives null while the rights hold, and never rejects. Returns what stops
 * the asking.
 */
export function endOnRefusal(end: AbortController, refusal: () => Promise<Error | null>): () => void {
  const check = async (): Promise<void> => {
    const refused = await refusal();
    if (refused) end.abort(refused);
  };
  const beat = setInterval(() => void check(), RIGHTS_BEAT_MS);
  return () => clearInterval(beat);
}
