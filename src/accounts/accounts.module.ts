import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { MailModule } from '../mail/mail.module';
import { AccountsRepository } from './accounts.repository';
import { MailPasswordLinkHandler } from './mail-password-link.handler';
import { PasswordLinksRepository } from './password-links.repository';

/** The SQL of accounts and their one-time links, and the e-mails with them. The routes are in AccountsApiModule. */
@Module({
  imports: [AuthModule, MailModule],
  providers: [AccountsRepository, MailPasswordLinkHandler, PasswordLinksRepository],
  exports: [AccountsRepository, MailPasswordLinkHandler, PasswordLinksRepository],
})
export class AccountsModule {}
