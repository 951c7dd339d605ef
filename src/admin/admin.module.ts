import { Module } from '@nestjs/common';
import { AuditLogController } from './audit-log.controller';
import { AuditLogRepository } from './audit-log.repository';
import { AuditLogService } from './audit-log.service';
import { ClockController } from './clock.controller';
import { ClockService } from './clock.service';

/** What only administrators ask of the whole installation. */
@Module({ controllers: [AuditLogController, ClockController], providers: [AuditLogRepository, AuditLogService, ClockService] })
export class AdminModule {}
