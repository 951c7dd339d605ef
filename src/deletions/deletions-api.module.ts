import { Module } from '@nestjs/common';
import { DeletionLedgerRepository } from './deletion-ledger.repository';
import { DeletionLedgerService } from './deletion-ledger.service';
import { DeletionPreviewController } from './deletion-preview.controller';
import { DeletionPreviewRepository } from './deletion-preview.repository';
import { DeletionPreviewService } from './deletion-preview.service';
import { DeletionsController } from './deletions.controller';
import { DeletionsModule } from './deletions.module';
import { ForceReleaseService } from './force-release.service';
import { ProtectionService } from './protection.service';
import { ProtectionsController } from './protections.controller';
import { ProtectionsRepository } from './protections.repository';

/** The routes of deletions; left out of processes that only work in the background. */
@Module({
  imports: [DeletionsModule],
  controllers: [DeletionPreviewController, DeletionsController, ProtectionsController],
  providers: [
    DeletionLedgerRepository,
    DeletionLedgerService,
    DeletionPreviewRepository,
    DeletionPreviewService,
    ForceReleaseService,
    ProtectionService,
    ProtectionsRepository,
  ],
})
export class DeletionsApiModule {}
