export const STREAM_TYPE = 'text/event-stream';

/** The last one stops nginx from buffering, so that events arrive at once. */
export const STREAM_HEADERS = { 'Content-Type': STREAM_TYPE, 'X-Accel-Buffering': 'no' };
