import { DriverError, type DriverFailure } from '../runtime-driver';
import { isRecord } from './json-lines';

interface EngineAnswer {
  readonly statusCode: number;
  readonly text: string;
}

/** The client puts its own guess in front: every 404 of a container's path reads `no such container`, whatever is missing. */
const CLIENTS_WORDS = /^\(HTTP code \d+\) [^-]*- /;

/** What the engine itself answered; null when it did not answer at all. */
export function engineAnswer(error: unknown): EngineAnswer | null {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return null;
  const json = 'json' in error ? error.json : null;
  const said = isRecord(json) && typeof json.message === 'string' ? json.message : error.message.replace(CLIENTS_WORDS, '');
  return { statusCode: error.statusCode, text: said };
}

/** 304: the container is already started, or already stopped. */
export const isAlreadySo = (error: unknown): boolean => engineAnswer(error)?.statusCode === 304;

/** An unknown image is a 404 too, so only these words mean that the container is gone. */
export const isNoSuchContainer = (error: unknown): boolean => answers(error, 404, /no such container/i);

export const isNoSuchImage = (error: unknown): boolean => answers(error, 404, /no such image/i);

export const isNameInUse = (error: unknown): boolean => answers(error, 409, /already in use/i);

/**
 * 409 while another removal runs, or while the engine refuses for a moment: the container is not gone yet, but nothing has
 * failed.
 */
export const isConflict = (error: unknown): boolean => engineAnswer(error)?.statusCode === 409;

const answers = (error: unknown, statusCode: number, words: RegExp): boolean => {
  const answer = engineAnswer(error);
  return answer !== null && answer.statusCode === statusCode && words.test(answer.text);
};

/** The engine's own texts contain addresses and paths, so people get these sentences instead. The first match counts. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/executable file not found|no such file or directory/i, 'The command was not found in the image'],
  [/exec format error/i, 'The image was built for another processor architecture'],
  [/permission denied/i, 'The command of the image may not be executed'],
  [/no command specified/i, 'The image has no command of its own: the deployment must give one'],
  [/could not select device driver|unknown or invalid runtime|nvidia/i, 'The engine of this node cannot give containers a GPU'],
  [/range of cpus is from/i, 'The machine of this node has fewer CPU cores than one replica asks for'],
  [/minimum memory limit/i, 'The memory limit is below what the engine allows'],
  [/invalid reference format/i, 'The image reference is not valid'],
  [
    /address already in use|port is already allocated|cannot assign requested address/i,
    'A port could not be published on the address of this node',
  ],
];

/** The sentence for a container that could not be created or started; null when the engine's text is not known. */
export const refusalWords = (text: string): string | null => REFUSALS.find(([words]) => words.test(text))?.[1] ?? null;

/** Frequent on desktops, where the socket belongs to the group `docker`. */
export const ENGINE_REFUSES_USER = 'The account that runs fog-compute may not use the engine: add it to the group docker';

const NO_ANSWER = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET', 'EPIPE']);

/**
 * Turns any error of a call into a DriverError. A 4xx is a refusal. A 5xx, a broken connection and a time limit do not tell
 * what happened, so they are never read as an answer: `timeout` when the engine was there, `unreachable` when it was not.
 */
export function toDriverError(error: unknown, doing: string): DriverError {
  if (error instanceof DriverError) return error;
  const answer = engineAnswer(error);
  if (answer !== null) {
    const known = refusalWords(answer.text);
    const refused = known !== null || (answer.statusCode >= 400 && answer.statusCode < 500 && answer.statusCode !== 409);
    const failure: DriverFailure = refused && answer.statusCode !== 404 ? 'rejected' : 'timeout';
    return new DriverError(failure, known ?? `The engine could not ${doing} (code ${answer.statusCode})`, { cause: error });
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ETIMEDOUT') return new DriverError('timeout', `The engine took too long to ${doing}`, { cause: error });
  if (code === 'EACCES') return new DriverError('unreachable', ENGINE_REFUSES_USER, { cause: error });
  const words = NO_ANSWER.has(code) ? 'The engine of this node does not answer' : `The engine of this node could not be asked to ${doing}`;
  return new DriverError('unreachable', words, { cause: error });
}

const PULL_FAILURES: readonly (readonly [RegExp, DriverFailure, (image: string) => string])[] = [
  [/invalid reference format/i, 'rejected', (image) => `${image} is not a valid image reference`],
  [/no matching manifest/i, 'image_unavailable', (image) => `Image ${image} has no variant for the processor of this node`],
  [/toomanyrequests|rate limit/i, 'image_unavailable', (image) => `The registry of image ${image} limits pulls at the moment`],
  [/no space left/i, 'image_unavailable', (image) => `There is no space left on the node for image ${image}`],
  [
    /denied|unauthorized|authentication required|no basic auth/i,
    'image_unavailable',
    (image) => `Image ${image} was not found, or its registry asks for a login`,
  ],
  [
    /dial tcp|lookup|no such host|connection refused|timeout|tls|x509|certificate|EOF|proxyconnect|network/i,
    'image_unavailable',
    (image) => `Image ${image} is not on the node, and its registry cannot be reached`,
  ],
  [
    /not found|manifest unknown|no such image|does not exist/i,
    'image_unavailable',
    (image) => `Image ${image} was not found in its registry`,
  ],
];

/** The words for a failed pull. They name the image, but neither registry addresses nor credentials. */
export function pullError(image: string, text: string, cause?: unknown): DriverError {
  const [, failure, words] = PULL_FAILURES.find(([pattern]) => pattern.test(text)) ?? [];
  return new DriverError(failure ?? 'image_unavailable', words?.(image) ?? `Image ${image} could not be pulled`, { cause });
}
