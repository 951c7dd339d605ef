/** An event with its place in the feed. */
export interface PublishedEvent {
  readonly eventId: string;
  readonly position: number;
  readonly type: string;
  readonly userId: string;
  readonly deploymentId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, unknown>>;
  readonly occurredAt: Date;
}

/** An event as CloudEvents 1.0 in JSON. `sequence` is of the CloudEvents extension of that name. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly sequence: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export const CLOUD_EVENT_TYPE = 'application/cloudevents+json';
const SOURCE = '/fog-compute';
/** How many digits positions have as text, so that they sort as numbers do. */
const SEQUENCE_DIGITS = 15;

/** An event as users see it, in the feed and in webhooks alike. */
export function toCloudEvent(event: PublishedEvent): CloudEvent {
  return {
    specversion: '1.0',
    id: event.eventId,
    source: SOURCE,
    type: event.type,
    ...(event.deploymentId === null ? {} : { subject: event.deploymentId }),
    time: event.occurredAt.toISOString(),
    datacontenttype: 'application/json',
    sequence: String(event.position).padStart(SEQUENCE_DIGITS, '0'),
    data: event.data,
  };
}
