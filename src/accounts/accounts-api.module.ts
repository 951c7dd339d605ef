import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { MailModule } from '../mail/mail.module';
import { QuotasModule } from '../quotas/quotas.module';
import { RateLimitsModule } from '../rate-limits/rate-limits.module';
import { UsersController } from './users.controller';
import { AccountsModule } from './accounts.module';
import { AccountsService } from './accounts.service';
import { PasswordsController } from './passwords.controller';
import { PasswordsService } from './passwords.service';

/** The routes of accounts and passwords. */
@Module({
  imports: [AccountsModule, AuthModule, MailModule, QuotasModule, RateLimitsModule],
  controllers: [UsersController, PasswordsController],
  providers: [AccountsService, PasswordsService],
})
export class AccountsApiModule {}
