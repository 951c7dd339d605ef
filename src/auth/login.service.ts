import { Injectable } from '@nestjs/common';
import type { OpenRequestContext } from '../common/request-context';
import { PasswordCheck } from './password-check';
import { SessionsService, type TokenPair } from './sessions.service';

/** Opens a session for a name and its password. */
@Injectable()
export class LoginService {
  constructor(
    private readonly check: PasswordCheck,
    private readonly sessions: SessionsService,
  ) {}

  /** Throws what `PasswordCheck` throws. */
  async logIn(username: string, password: string, context: OpenRequestContext): Promise<TokenPair> {
    const name = username.toLowerCase();
    const user = await this.check.ofUser({ name, from: { address: context.address } }, password);
    return this.sessions.open({ ...user, username: name }, context);
  }
}
