import { Injectable } from '@nestjs/common';
import { ClockWatch } from '../database/clock-watch';
import { Metrics } from '../metrics/metrics';

/** The gauge of a step of the clock that nobody has confirmed. */
@Injectable()
export class ClockMetrics {
  constructor(clock: ClockWatch, metrics: Metrics) {
    metrics.gauges({
      source: 'clock',
      gauges: [{ name: 'fog_clock_step_seconds', help: 'By how much the clock of the database has moved without an explanation.' }],
      read: async () => ({ fog_clock_step_seconds: [{ value: (await clock.state()).stepSeconds ?? 0 }] }),
    });
  }
}
