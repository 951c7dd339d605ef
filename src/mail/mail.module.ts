import { Module } from '@nestjs/common';
import { MailSender } from './mail-sender';

/** E-mails through the operator's server. */
@Module({ providers: [MailSender], exports: [MailSender] })
export class MailModule {}
