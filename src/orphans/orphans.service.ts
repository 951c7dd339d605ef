import { Injectable } from '@nestjs/common';
import type { Page } from '../common/http/page-headers';
import { orphanNotFound } from './orphan-decision';
import { adoptObstacle, reapObstacle, type Adoption, type Obstacle } from './orphan-rules';
import type { OrphanView } from './orphan.types';
import { OrphansRepository, type OrphanFilters } from './orphans.repository';

/** What a reap or an adoption would do now. */
export interface OrphanPreview {
  readonly action: 'reap' | 'adopt';
  readonly orphan: OrphanView;
  readonly obstacle: Obstacle | null;
}

/** Shows orphans, and what would become of one. Writes nothing. */
@Injectable()
export class OrphansService {
  constructor(private readonly orphans: OrphansRepository) {}

  page(filters: OrphanFilters, page: Page): Promise<{ rows: OrphanView[]; total: number }> {
    return this.orphans.page(filters, page);
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<OrphanView> {
    const orphan = await this.orphans.find(id);
    if (!orphan) throw orphanNotFound();
    return orphan;
  }

  /** Throws `not_found`. */
  async previewReap(id: string): Promise<OrphanPreview> {
    const orphan = await this.get(id);
    return { action: 'reap', orphan, obstacle: reapObstacle(orphan) };
  }

  /** Throws `not_found`. Whether the node has room for it, and the owner a quota, is only known when it is adopted. */
  async previewAdopt(id: string, adoption: Adoption): Promise<OrphanPreview> {
    const orphan = await this.get(id);
    return { action: 'adopt', orphan, obstacle: adoptObstacle(orphan, adoption) };
  }
}
