import { ApiProperty } from '@nestjs/swagger';
import type { OrphanPreview } from '../orphans.service';
import { OrphanDto } from './orphan.dto';

/** What a reap or an adoption would do now. Nothing was written. */
export class OrphanPreviewDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty({ description: 'Whether nothing that is known speaks against it; room on the node is only known when it is adopted' })
  possible!: boolean;

  @ApiProperty({ type: String, nullable: true, example: 'conflict' })
  code!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why it is not possible' })
  detail!: string | null;

  @ApiProperty({ description: 'What would happen, in words' })
  message!: string;

  @ApiProperty({ example: '"1"', description: 'Send it as `If-Match` to decide about exactly what this shows' })
  etag!: string;

  @ApiProperty({ type: () => OrphanDto })
  orphan!: OrphanDto;

  static of(preview: OrphanPreview): OrphanPreviewDto {
    const { orphan, obstacle } = preview;
    const view = OrphanDto.of(orphan);
    return {
      dry_run: true,
      possible: obstacle === null,
      code: obstacle?.code ?? null,
      detail: obstacle?.detail ?? null,
      message: obstacle === null ? wordsOf(preview) : 'Nothing would change',
      etag: view.etag,
      orphan: view,
    };
  }
}

function wordsOf({ action, orphan }: OrphanPreview): string {
  const name = orphan.deployment?.name ?? 'unknown';
  if (action === 'adopt') return `The container becomes a replica of deployment ${name}, and its capacity is reserved`;
  switch (orphan.kind) {
    case 'container':
      return 'The container is stopped without grace and removed';
    case 'replica':
      return `The replica of deployment ${name} fails, and gets a successor`;
    case 'route':
      return `The routes of deployment ${name} are taken away`;
  }
}
