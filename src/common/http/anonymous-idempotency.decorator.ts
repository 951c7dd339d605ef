import { SetMetadata } from '@nestjs/common';

export const ANONYMOUS_IDEMPOTENCY = 'anonymous_idempotency';

/** Lets a public route honour `Idempotency-Key`; authenticated POST and DELETE routes do so without it. */
export const AnonymousIdempotency = (): MethodDecorator => SetMetadata(ANONYMOUS_IDEMPOTENCY, true);
