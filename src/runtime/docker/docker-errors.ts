import { fieldOf } from '../../common/field-of';
import { tlsTrouble } from '../../common/tls-trouble';
import { COMMAND_REFUSALS, refusalIn, type Refusal } from '../command-refusal';
import { pullFailed } from '../pull-failed';
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

export const isNoSuchVolume = (error: unknown): boolean => answers(error, 404, /no such volume/i);

const NO_SUCH_NETWORK = /network \S+ not found/i;

export const isNoSuchNetwork = (error: unknown): boolean => answers(error, 404, NO_SUCH_NETWORK);

/** Whether a container could not be started because its network is gone, from the text that the engine kept. */
export const hasMissedNetwork = (text: string): boolean => NO_SUCH_NETWORK.test(text);

/** The storage driver cannot hold a container to a size. */
export const isNoStorageLimit = (error: unknown): boolean => /storage-opt is (?:not )?supported/i.test(engineAnswer(error)?.text ?? '');

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

/**
 * What the engine says about the image, its command and the request. Only a 4xx is such an answer: an engine that is being shut
 * down, or whose own files are missing, answers 500 with words like `no such file or directory`. The engine's texts contain
 * addresses and paths, so people get these sentences instead. The first match counts.
 */
const ABOUT_REQUEST: readonly Refusal[] = [
  ...COMMAND_REFUSALS,
  [/no command specified/i, 'The image has no command of its own: the deployment must give one'],
  [/range of cpus is from/i, 'The machine of this node has fewer CPU cores than one replica asks for', 'unfit'],
  [/minimum memory limit/i, 'The memory limit is below what the engine allows'],
  [/repository name must not be more than/i, 'The name of the image is longer than the engine of this node takes'],
  [/invalid reference format/i, 'The image reference is not valid'],
];

/** What the engine of a node cannot give. Docker 20.10 says so with code 500 (seen), so these words count with every code. */
const ABOUT_NODE: readonly Refusal[] = [
  [/unknown (?:or invalid )?runtime/i, 'The engine of this node does not offer the OCI runtime that is set for the node', 'unfit'],
  [/setting rlimit/i, 'The engine of this node may not give a process so many open files (CONTAINER_OPEN_FILES)', 'unfit'],
  [/no available IPv4 addresses/i, 'The network of the owner on this node has no free address (OWNER_NETWORK_PREFIX)', 'unfit'],
  [/disk quota exceeded/i, 'The image and the files of the container do not fit into its storage'],
  [/could not select device driver|nvidia-container/i, 'The engine of this node cannot give containers a GPU', 'unfit'],
  [
    /(?:bind|listen \w+) .*address already in use|port is already allocated|cannot assign requested address/i,
    'A port could not be published on the address of this node',
    'unfit',
  ],
];

/** The sentence for a container that the engine could not start, from the text that it kept; null when that is not known. */
export const refusalWords = (text: string): string | null => (refusalIn(ABOUT_NODE, text) ?? refusalIn(ABOUT_REQUEST, text))?.[1] ?? null;

/** Frequent on desktops, where the socket belongs to the group `docker`. */
export const ENGINE_REFUSES_USER = 'The account that runs fog-compute may not use the engine: add it to the group docker';

/** What a server of Go answers to plain HTTP on a port with TLS. */
const WANTS_TLS = /HTTP request to an HTTPS server/i;

const NO_ANSWER = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET', 'EPIPE']);

/**
 * Turns any error of a call into a DriverError. A 4xx is a refusal. A 5xx, a broken connection and a time limit do not tell
 * what happened, so they are never read as an answer: `timeout` when the engine was there, `unreachable` when it was not.
 */
export function toDriverError(error: unknown, doing: string): DriverError {
  if (error instanceof DriverError) return error;
  const answer = engineAnswer(error);
  if (answer !== null && WANTS_TLS.test(answer.text)) {
    return new DriverError('unreachable', 'The engine of this node was reached, but it speaks TLS only', { cause: error });
  }
  if (answer !== null) {
    const isClients = answer.statusCode >= 400 && answer.statusCode < 500;
    const known = refusalIn(ABOUT_NODE, answer.text) ?? (isClients ? refusalIn(ABOUT_REQUEST, answer.text) : undefined);
    const refused = known !== undefined || (isClients && answer.statusCode !== 409);
    const failure: DriverFailure = refused && answer.statusCode !== 404 ? (known?.[2] ?? 'rejected') : 'timeout';
    return new DriverError(failure, known?.[1] ?? `The engine could not ${doing} (code ${answer.statusCode})`, { cause: error });
  }
  const code = String(fieldOf(error, 'code'));
  if (code === 'ETIMEDOUT') return new DriverError('timeout', `The engine took too long to ${doing}`, { cause: error });
  if (code === 'EACCES') return new DriverError('unreachable', ENGINE_REFUSES_USER, { cause: error });
  const trouble = tlsTrouble(error);
  if (trouble !== null) return new DriverError('unreachable', `The engine of this node was reached, but ${trouble}`, { cause: error });
  const words = NO_ANSWER.has(code) ? 'The engine of this node does not answer' : `The engine of this node could not be asked to ${doing}`;
  return new DriverError('unreachable', words, { cause: error });
}

const UNPULLABLE: readonly (readonly [RegExp, (image: string) => string])[] = [
  [/repository name must not be more than/i, (image) => `The name of image ${image} is longer than the engine of this node takes`],
  [/invalid reference format/i, (image) => `${image} is not a valid image reference`],
];

/**
 * Why a pull failed. All failures of a registry and of the way to it have the same sentence: their differences would tell users
 * which addresses and ports answer inside of the engine's network. The cause is for administrators.
 */
export function pullError(image: string, text: string, cause?: unknown): DriverError {
  const words = UNPULLABLE.find(([pattern]) => pattern.test(text))?.[1];
  if (words) return new DriverError('rejected', words(image), { cause });
  return new DriverError('image_unavailable', pullFailed(image), { cause });
}

/**
 * Whether a registry has said, through the engine, that it does not offer the image. A registry that cannot be reached, fails or
 * limits us has said nothing, and neither has an engine that cannot ask (`page not found`).
 */
export function isRefusedByRegistry(error: unknown): boolean {
  const answer = engineAnswer(error);
  if (answer === null) return false;
  if (answer.statusCode === 404) return !/page not found/i.test(answer.text);
  return answer.statusCode === 401 || answer.statusCode === 403 || /\b(?:unauthorized|access denied|no basic auth)\b/i.test(answer.text);
}
