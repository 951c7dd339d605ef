/**
 * Every type of event. Those of the first group follow from the status history (a trigger writes them); the others are
 * recorded by the code that makes the change. docs/events.md is compared with this table.
 */
export const EVENT_TYPES = {
  'fog.deployment.created': 'A deployment was accepted.',
  'fog.deployment.pending': 'It was started again or retried and waits to be placed.',
  'fog.deployment.scheduled': 'Nodes were found for all replicas.',
  'fog.deployment.running': 'All replicas run.',
  'fog.deployment.scaled': 'The wanted number of replicas changed; the status stayed.',
  'fog.deployment.stopped': 'It was stopped and can be started again.',
  'fog.deployment.failed': 'It could not be placed or started; `reason` says why.',
  'fog.deployment.deleted': 'It was deleted; its containers are being removed.',
  'fog.deployment.restored': 'A deleted deployment was brought back.',
  'fog.deployment.teardown_completed': 'The last container of a deleted deployment is gone and all capacity is free.',
  'fog.deployment.teardown_stuck': 'A step of a teardown does not get on; it is tried again.',
  'fog.deployment.force_released': 'An administrator gave up replicas on a node that does not answer.',
  'fog.deployment.protected': 'It was protected against deletion.',
  'fog.deployment.unprotected': 'The protection was taken away.',
  'fog.deployment.held': 'An administrator put it under legal hold.',
  'fog.deployment.unheld': 'The legal hold was lifted.',
  'fog.deployment.purged': 'A deleted deployment was removed for good after its retention.',
  'fog.operation.waiting': 'A bulk deletion waits until an administrator confirms it; `reason` says why.',
  'fog.notification.disabled': 'A webhook or e-mail subscription was switched off after days of nothing but failures.',
  'fog.notification.test': 'A test that the owner of a webhook or e-mail subscription asked for; delivered there only.',
} as const;

export type EventType = keyof typeof EVENT_TYPES;

export const isEventType = (text: string): text is EventType => Object.hasOwn(EVENT_TYPES, text);
