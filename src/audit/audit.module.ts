import { Global, Module } from '@nestjs/common';
import { Audit } from './audit';
import { AuditRetention } from './audit-retention';
import { AuditSeal } from './audit-seal';

/** Everybody who changes something writes to the audit log, so it is at hand everywhere. */
@Global()
@Module({ providers: [Audit, AuditRetention, AuditSeal], exports: [Audit, AuditRetention, AuditSeal] })
export class AuditModule {}
