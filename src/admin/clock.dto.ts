import { ApiProperty } from '@nestjs/swagger';
import type { ClockState } from '../database/clock-watch';

/** The clock of the database. */
export class ClockDto {
  @ApiProperty({ format: 'date-time', description: 'Its time now.' })
  now!: string;

  @ApiProperty({ format: 'date-time', description: 'When a worker looked at it last.' })
  seen_at!: string;

  @ApiProperty({ description: 'False while a step waits for an administrator: nothing is removed for its age.' })
  trusted!: boolean;

  @ApiProperty({ type: 'number', nullable: true, description: 'By how many seconds it has moved without an explanation.', example: null })
  step_seconds!: number | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, description: 'When that was noticed.', example: null })
  stepped_at!: string | null;

  static of({ now, seenAt, stepSeconds, steppedAt }: ClockState): ClockDto {
    return {
      now: now.toISOString(),
      seen_at: seenAt.toISOString(),
      trusted: stepSeconds === null,
      step_seconds: stepSeconds === null ? null : Math.round(stepSeconds),
      stepped_at: steppedAt?.toISOString() ?? null,
    };
  }
}
