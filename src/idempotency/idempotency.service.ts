import { Injectable, Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inBatches } from '../common/in-batches';
import { DomainError, type ProblemExtensions } from '../common/problem/domain-error';
import { PROBLEMS, type ProblemCode } from '../common/problem/catalog';
import type { Answer } from '../common/http/answer';
import type { IdempotencyClaim } from '../common/request-context';
import { postgresCode } from '../database/postgres-error';
import { REFUSED, type Statement } from '../database/statement';
import { IdempotencyRepository } from './idempotency.repository';
import { hashRequest, keyMaterial, seal, unseal } from './sealing';

/** The outcome that is kept under a key: an answer, or a refusal that is thrown again. */
export type KeptOutcome = ({ readonly kind: 'answer' } & Answer) | { readonly kind: 'refusal'; readonly error: DomainError };

interface SealedRefusal {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly extensions: ProblemExtensions;
}

const WAIT_MS = 5_000;
const POLL_MS = 60;
const IN_PROGRESS_RETRY_SECONDS = 2;
/** Statuses of refusals that are not kept, because a repetition may get another answer: they depend on who asks and how often. */
const PASSING_STATUSES: readonly number[] = [401, 403, 408, 423, 429];
/** Faults of the request itself are not kept either: nothing was decided, and the corrected request may use the key. */
const FAULTS: readonly ProblemCode[] = [
  ...(['malformed_json', 'invalid_request', 'invalid_deployment_id'] as const),
  ...(['payload_too_large', 'unsupported_media_type', 'validation_failed'] as const),
];

/** At most one effect per Idempotency-Key: the first request with a key is carried out, later ones get its answer for 24 h. */
@Injectable()
export class IdempotencyService {
  private readonly logger = new Logger(IdempotencyService.name);

  constructor(private readonly repository: IdempotencyRepository) {}

  /**
   * Takes the key for this request, or gives the outcome of the first request with it. While the first one is in
   * progress, waits for it up to 5 s, then refuses.
   */
  async claim(
    { scope, key, present }: Omit<IdempotencyClaim, 'claim'>,
    request: { method: string; url: string; body: unknown },
  ): Promise<{ claim: IdempotencyClaim } | { outcome: KeptOutcome }> {
    const material = keyMaterial(scope, key);
    const requestHash = hashRequest(request, material.requestKey);
    const claim = { scope, key, present, claim: randomUUID() };
    const end = performance.now() + WAIT_MS;
    for (;;) {
      if (await this.repository.take({ scope, keyHash: material.keyHash, claim: claim.claim }, requestHash)) return { claim };
      const stored = await this.repository.find(scope, material.keyHash);
      if (stored && stored.requestHash !== requestHash) {
        throw new DomainError('idempotency_key_reused', 'This Idempotency-Key was used for a different request. Use a new key.');
      }
      if (stored?.answerStatus != null && stored.answerSealed)
        return { outcome: fromSealed(stored.answerStatus, unseal(stored.answerSealed, material.answerKey)) };
      if (performance.now() > end) {
        throw new DomainError('idempotency_in_progress', 'The first request with this Idempotency-Key is still being worked on.', {
          retryAfterSeconds: IN_PROGRESS_RETRY_SECONDS,
        });
      }
      await sleep(POLL_MS);
    }
  }

  /**
   * The statement that keeps the answer to the outcome in the transaction that decides the request, so that it can be repeated after
   * a crash. It fails when the claim was taken over meanwhile, which rolls the transaction back.
   */
  storing(claim: IdempotencyClaim, outcome: unknown): Statement {
    const { status, body, location } = claim.present(outcome);
    const { owner, sealed } = sealedFor(claim, { body, location });
    return { ...this.repository.storing(owner, { status, sealed }), failure: takenOver };
  }

  /** Keeps the final answer. A failure is only logged, because the answer is right all the same. */
  async complete(claim: IdempotencyClaim, answer: Answer): Promise<void> {
    const { status, body, location } = answer;
    await this.quietly(() => this.store(claim, status, { body, location }));
  }

  /** Keeps a refusal that a repetition would get as well. After any other failure the key is free again. */
  async fail(claim: IdempotencyClaim, error: unknown): Promise<void> {
    await this.quietly(async () => {
      if (isLasting(error)) {
        const { code, detail, extensions } = error;
        await this.store(claim, error.status, { code, detail, extensions });
      } else {
        const { keyHash } = keyMaterial(claim.scope, claim.key);
        await this.repository.release({ scope: claim.scope, keyHash, claim: claim.claim });
      }
    });
  }

  /** Deletes keys older than 24 h in batches, each a statement of its own. Returns how many. */
  purgeExpiredKeys(): Promise<number> {
    return inBatches((limit) => this.repository.purge(limit));
  }

  private store(claim: IdempotencyClaim, status: number, content: unknown): Promise<void> {
    const { owner, sealed } = sealedFor(claim, content);
    return this.repository.store(owner, { status, sealed });
  }

  private async quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn({ msg: 'the outcome of an idempotent request was not kept', err: error });
    }
  }
}

function sealedFor({ scope, key, claim }: IdempotencyClaim, content: unknown) {
  const { keyHash, answerKey } = keyMaterial(scope, key);
  return { owner: { scope, keyHash, claim }, sealed: seal(content, answerKey) };
}

function takenOver(error: unknown): unknown {
  if (postgresCode(error) !== REFUSED) return error;
  return new DomainError('idempotency_in_progress', 'Another request with this Idempotency-Key has taken over.', {
    retryAfterSeconds: IN_PROGRESS_RETRY_SECONDS,
  });
}

function isLasting(error: unknown): error is DomainError {
  if (!(error instanceof DomainError) || error.code === 'idempotency_in_progress') return false;
  return error.status < 500 && !PASSING_STATUSES.includes(error.status) && !FAULTS.includes(error.code);
}

function fromSealed(status: number, content: unknown): KeptOutcome {
  if (status < 400) {
    const { body, location } = content as { body: unknown; location?: string };
    return { kind: 'answer', status, body, ...(location === undefined ? {} : { location }) };
  }
  const { code, detail, extensions } = content as SealedRefusal;
  if (!Object.hasOwn(PROBLEMS, code)) throw new Error('an answer of another version is kept under this key');
  return { kind: 'refusal', error: new DomainError(code, detail, extensions) };
}
