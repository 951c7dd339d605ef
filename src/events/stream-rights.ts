import { Injectable } from '@nestjs/common';
import { AuthenticationGuard } from '../auth/authentication.guard';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import type { FeedCaller } from './feed-call.decorator';
import type { Reader } from './open-streams';

/** What a request that is open shows. */
interface Shown {
  /** It is for administrators only. */
  readonly needsAdmin: boolean;
  /** Whether the caller still may see it; absent: nothing but the account decides that. */
  readonly sees?: (() => Promise<boolean>) | undefined;
}

/** Asks again and again whether the caller of an open request may still see what it shows. */
@Injectable()
export class StreamRights {
  constructor(private readonly guard: AuthenticationGuard) {}

  /**
   * The guard's own refusal, or that of a caller who has become another or is no administrator any more, or who may not see any
   * more what is shown.
   */
  refusal(host: FeedCaller['host'], actor: Actor, { needsAdmin, sees }: Shown): Reader['refusal'] {
    return async () => {
      try {
        await this.guard.canActivate(host);
      } catch (error) {
        // A database that does not answer is no sign that the credential has ended.
        return error instanceof DomainError && error.status < 500 ? error : null;
      }
      const user = host.switchToHttp().getRequest<{ user?: Actor }>().user;
      const isSame = user?.userId === actor.userId && (user.isAdmin || !needsAdmin);
      if (!isSame) return new DomainError('admin_required', 'Only administrators may see what belongs to others');
      return sees === undefined || (await sees().catch(() => true)) ? null : new DomainError('not_found', 'Not found or access denied');
    };
  }
}
