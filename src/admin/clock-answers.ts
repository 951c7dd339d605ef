import type { Answer } from '../common/http/answer';
import type { ClockState } from '../database/clock-watch';
import { ClockDto } from './clock.dto';

/** The clock after it was confirmed. */
export const clockAnswer = (state: ClockState): Answer => ({ status: 200, body: ClockDto.of(state) });
