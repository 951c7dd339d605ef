import { Module } from '@nestjs/common';
import { AuditLogController } from './audit-log.controller';
import { AuditLogRepository } from './audit-log.repository';
import { AuditLogService } from './audit-log.service';

/** What only administrators ask of the whole installation. */
@Module({ controllers: [AuditLogController], providers: [AuditLogRepository, AuditLogService] })
export class AdminModule {}
