import type Docker from 'dockerode';
import type { Readable } from 'node:stream';

interface Question {
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  /** Also ends an answer while it is being read, so that no connection to an engine that hangs is left over. */
  readonly abortSignal: AbortSignal;
}

/** A GET for which the client's own method takes no signal. Throws as the client does. */
export const dial = (client: Docker, question: Question): Promise<unknown> => ask(client, question, false);

/** A GET whose answer is read as it arrives. The client's own method would collect it in memory and try to parse it. */
export const dialStream = async (client: Docker, question: Question): Promise<Readable> => (await ask(client, question, true)) as Readable;

function ask(client: Docker, { path, query, abortSignal }: Question, isStream: boolean): Promise<unknown> {
  const request = { path: `${path}?`, method: 'GET', options: { ...query }, isStream, abortSignal, statusCodes: { 200: true } };
  return new Promise((resolve, reject) => {
    client.modem.dial(request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
  });
}
