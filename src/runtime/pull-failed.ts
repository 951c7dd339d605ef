/**
 * The one sentence for a pull that failed. Differences between failures would tell users which addresses and ports answer inside of
 * the engine's network.
 */
export const pullFailed = (image: string): string =>
  `Image ${image} could not be pulled: its registry does not offer it to this node, or could not be used`;

/** What users read where an image is missing, and the registry of its reference is not an allowed one. */
export const registryClosed = (image: string): string =>
  `Image ${image} is not on the node, and its registry is not one that this installation pulls from (ALLOWED_REGISTRIES)`;
