import { Global, Module } from '@nestjs/common';
import { Audit } from './audit';
import { AuditRetention } from './audit-retention';
import { AuditSeal } from './audit-seal';

/** Available everywhere, because every room that changes something writes to the audit log. */
@Global()
@Module({ providers: [Audit, AuditRetention, AuditSeal], exports: [Audit, AuditRetention, AuditSeal] })
export class AuditModule {}
