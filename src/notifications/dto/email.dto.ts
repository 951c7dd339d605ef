import { ApiProperty } from '@nestjs/swagger';
import type { SubscriptionRecord } from '../subscriptions.repository';
import { ChangeSubscriptionDto, CreateSubscriptionDto, SubscriptionDto } from './subscription.dto';

/** There is no address in it: e-mails go to the account's own one, so nobody can be written to against his will. */
export class CreateEmailDto extends CreateSubscriptionDto {}

/** What is absent stays as it is. */
export class ChangeEmailDto extends ChangeSubscriptionDto {}

export class EmailDto extends SubscriptionDto {
  @ApiProperty({ example: 'ada@example.org', description: 'Where the e-mails go: the address of your account' })
  email!: string;

  static from(record: SubscriptionRecord, email: string): EmailDto {
    return { ...SubscriptionDto.shared(record), email };
  }
}
