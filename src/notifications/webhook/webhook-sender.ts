import { Injectable } from '@nestjs/common';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { fieldOf } from '../../common/field-of';
import { tlsTrouble } from '../../common/tls-trouble';
import { VERSION } from '../../common/version';
import { within } from '../../common/within';
import { CLOUD_EVENT_TYPE } from '../../events/cloud-event';
import type { SendFailure, Sent } from '../../common/sent';
import { signatureOf } from './signature';
import { TargetRefused, TargetUnknown, WebhookTargets } from './webhook-targets';

export interface WebhookMessage {
  readonly url: string;
  /** The same id in every repetition, so that receivers can recognise repetitions. */
  readonly id: string;
  readonly timestamp: number;
  readonly body: string;
  readonly secrets: readonly string[];
}

const WITHIN_MS = 5_000;
const BODY_WITHIN_MS = 1_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const GONE = 410;

/** Sends webhooks, one connection each. Follows no redirects, and reads no more of an answer than it must. */
@Injectable()
export class WebhookSender {
  constructor(private readonly targets: WebhookTargets) {}

  /** Never throws: the result says what went wrong, in words that contain nothing of the answer. */
  async send(message: WebhookMessage, stop: AbortSignal): Promise<Sent> {
    try {
      const status = await within(WITHIN_MS, stop, (signal) => this.post(this.targets.read(message.url), message, signal));
      return status >= 200 && status < 300 ? { ok: true, status } : refusedWith(status);
    } catch (error) {
      return { ok: false, status: null, words: wordsOf(error) };
    }
  }

  private post(url: URL, message: WebhookMessage, signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      let answered = false;
      const options: RequestOptions = {
        method: 'POST',
        agent: false,
        signal,
        lookup: this.targets.lookup,
        headers: {
          'Content-Type': CLOUD_EVENT_TYPE,
          'Content-Length': Buffer.byteLength(message.body),
          'User-Agent': `fog-compute/${VERSION}`,
          Connection: 'close',
          'webhook-id': message.id,
          'webhook-timestamp': String(message.timestamp),
          'webhook-signature': signatureOf(message, message.secrets),
        },
      };
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (answer) => {
        answered = true;
        void ended(answer).then(() => resolve(answer.statusCode ?? 0));
      });
      // Once there is an answer, its status counts, even when its body fails.
      request.on('error', (error) => {
        if (!answered) reject(error);
      });
      // An answer that switches protocols only emits `close`.
      request.on('close', () => {
        if (!answered) reject(new Error('The target closed the connection'));
      });
      request.on('socket', (socket) => this.guard(socket));
      request.end(message.body);
    });
  }

  /** Checks once more, with the address that the connection really has. */
  private guard(socket: Socket): void {
    socket.once('connect', () => {
      if (!this.targets.permits(socket.remoteAddress ?? '')) socket.destroy(new TargetRefused('url must lead to a public address'));
    });
  }
}

function refusedWith(status: number): SendFailure {
  const isRedirect = status >= 300 && status < 400;
  const words = isRedirect ? 'The target redirects, which is not followed' : `The target answered ${String(status)}`;
  const disabledReason = 'Switched off because the target answered 410 Gone.';
  return { ok: false, status, words, ...(status === GONE ? { disabledReason } : {}) };
}

/**
 * Resolves when the answer needs no more reading. Only the status counts. The body is read up to a size and for a
 * moment, so that the connections of honest servers are not broken off.
 */
function ended(answer: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => answer.destroy(), BODY_WITHIN_MS);
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) answer.destroy();
    });
    answer.on('error', () => undefined);
    answer.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function wordsOf(error: unknown): string {
  if (error instanceof TargetRefused || error instanceof TargetUnknown) return error.message;
  if (fieldOf(error, 'name') === 'AbortError') return `The target did not answer within ${String(WITHIN_MS / 1000)} seconds`;
  const code = fieldOf(error, 'code');
  const trouble = tlsTrouble(error);
  if (trouble !== null) return `The target was reached, but ${trouble}`;
  return `The target could not be reached${typeof code === 'string' ? ` (${code})` : ''}`;
}
