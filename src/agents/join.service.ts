import { Injectable } from '@nestjs/common';
import { hashToken } from '../auth/secret-token';
import { Commands, UNCHANGED } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext } from '../common/request-context';
import type { JoinedMachine } from '../nodes/node.types';
import { FailedJoins } from './failed-joins';
import { IdentitiesRepository, type Joined } from './identities.repository';

interface Asked {
  readonly token: string;
  readonly publicKey: Buffer;
  readonly machine: JoinedMachine;
}

/** Makes a machine that shows a join token that of its node. */
@Injectable()
export class JoinService {
  constructor(
    private readonly commands: Commands,
    private readonly identities: IdentitiesRepository,
    private readonly failed: FailedJoins,
  ) {}

  /**
   * Throws `bad_credentials`, always in the same words, for a token that is wrong, was used by another machine, or has expired, and
   * `rate_limited` after too many of those.
   */
  join(asked: Asked, context: OpenRequestContext): Promise<Joined> {
    return this.failed.counted(context.address, () => this.joinOnce(asked, context));
  }

  private joinOnce({ token, publicKey, machine }: Asked, context: OpenRequestContext): Promise<Joined> {
    return this.commands.run(context, async (tx) => {
      const joined = await this.identities.join(tx, hashToken(token), publicKey, machine);
      if (joined === null)
        throw new DomainError(
          'bad_credentials',
          'The join token is wrong, was used, or has expired: ask an administrator for another one.',
        );
      if (joined.isRepeated) return { outcome: joined, audit: UNCHANGED };
      const after = { hostname: machine.hostname, machine_id: machine.machineId, platform: machine.platform };
      return { outcome: joined, audit: { action: 'node.join', resourceType: 'node', resourceId: joined.nodeId, after } };
    });
  }
}
