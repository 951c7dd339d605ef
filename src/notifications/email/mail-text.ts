import type { CloudEvent } from '../../events/cloud-event';
import { EVENT_TYPES, isEventType } from '../../events/event-types';

const MAX_VALUE = 500;

/** An e-mail about an event, in plain text. Line breaks in values are replaced, because they would look like lines of ours. */
export function mailText(event: CloudEvent): { subject: string; text: string } {
  const { name } = event.data;
  const what = event.type.replace(/^fog\./, '').replaceAll(/[._]/g, ' ');
  const subject = oneLine(typeof name === 'string' ? `[fog-compute] ${name}: ${what}` : `[fog-compute] ${what}`);
  const lines = Object.entries(event.data)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key}: ${oneLine(typeof value === 'string' ? value : JSON.stringify(value))}`);
  const meaning = isEventType(event.type) ? `${EVENT_TYPES[event.type]}\n\n` : '';
  return { subject, text: `${meaning}${lines.join('\n')}\n\ntime: ${event.time}\nevent: ${event.id}\n` };
}

/**
 * The one e-mail that goes to an address before its reader has agreed. It contains nothing that the user who wants it
 * has written. `publicUrl`: where the API is, for those who know.
 */
export function confirmationText(subscriptionId: string, code: string, publicUrl = ''): { subject: string; text: string } {
  const text = `Somebody with an account at fog-compute wants its notifications at this address.

If that is you, confirm it within 30 minutes:

POST ${publicUrl}/api/notifications/emails/${subscriptionId}/confirm
{"code":"${code}"}

If it is not, do nothing: without the code no notifications are sent here.
`;
  return { subject: '[fog-compute] confirm your address', text };
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, MAX_VALUE);
