import { UserDto } from '../auth/dto/user.dto';
import type { Answer } from '../common/http/answer';
import type { AccountRecord, OpenedLink } from './account.types';
import type { AddedAccount } from './accounts.service';
import { AccountDto, AddedUserDto, PasswordLinkDto } from './dto/account.dto';
import { PasswordLinkAskedDto } from './dto/password.dto';

/** An account that was added, and the only answer that shows its one-time link. */
export const addedAnswer = ({ user, link }: AddedAccount): Answer => ({
  status: 201,
  body: Object.assign(new AddedUserDto(), UserDto.from(user), { password_link: link && PasswordLinkDto.of(link) }),
});

/** An account as it is after a change. */
export const accountAnswer = (account: AccountRecord): Answer => ({ status: 200, body: AccountDto.of(account) });

/** A one-time link: the only answer that shows it. */
export const linkAnswer = (link: OpenedLink): Answer => ({ status: 201, body: PasswordLinkDto.of(link) });

/** The same for accounts that exist and for those that do not. */
export const linkAskedAnswer = (): Answer => ({
  status: 202,
  body: Object.assign(new PasswordLinkAskedDto(), {
    success: true,
    message: 'If there is such an account, an e-mail with a one-time link is on its way',
  }),
});
