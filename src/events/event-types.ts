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
  'fog.deployment.degraded': 'Some of its replicas do not run, for a while already; `reason` says which and why.',
  'fog.deployment.unhealthy': 'None of its replicas runs, for a while already; `reason` says why.',
  'fog.deployment.recovered': 'It is healthy again after a trouble that was told.',
  'fog.deployment.rollout_started': 'A rollout began, or went on after a pause; `reason` says what changes.',
  'fog.deployment.rolled_out': 'A revision is rolled out whole, or became the current one because nothing ran.',
  'fog.deployment.rolled_back': 'A rollout failed or was aborted, and the replicas from before come back; `reason` says why.',
  'fog.deployment.rollout_paused': 'A rollout waits for a user; `reason` says why.',
  'fog.deployment.healed': 'A machine whose link was away started a container again by itself; `reason` says when and why.',
  'fog.deployment.stopped': 'It was stopped and can be started again.',
  'fog.deployment.failed': 'It could not be placed or started; `reason` says why.',
  'fog.deployment.deleted': 'It was deleted; its containers are being removed.',
  'fog.deployment.restored': 'A deleted deployment was brought back.',
  'fog.deployment.teardown_completed': 'The last container of a deleted deployment is gone and all capacity is free.',
  'fog.deployment.teardown_stuck': 'A step of a teardown does not get on; it is tried again.',
  'fog.deployment.adopted': 'An administrator made a container that no replica stood for a replica of it; `reason` says where.',
  'fog.deployment.force_released': 'An administrator gave up replicas on a node that does not answer.',
  'fog.deployment.protected': 'It was protected against deletion.',
  'fog.deployment.unprotected': 'The protection was taken away.',
  'fog.deployment.held': 'An administrator put it under legal hold.',
  'fog.deployment.unheld': 'The legal hold was lifted.',
  'fog.deployment.moved': 'It went to another project; `from` and `to` are their names.',
  'fog.deployment.purged': 'A deleted deployment was removed for good after its retention.',
  'fog.node.offline': 'A node does not answer; what runs there cannot be confirmed. Told to administrators.',
  'fog.node.online': 'A node that was offline answers again. Told to administrators.',
  'fog.orphan.found':
    'A container without a replica, a replica without its container, or a route without its deployment was seen twice. Told to administrators.',
  'fog.operation.waiting': 'A bulk deletion waits until an administrator confirms it; `reason` says why.',
  'fog.project.joined':
    'The user came into a project; `role` says as what, `by_group` whether by a group of the identity provider. Told to the user.',
  'fog.project.role_changed': 'The role of the user in a project changed; `role` and `by_group` as above. Told to the user.',
  'fog.project.left': 'The user is no longer in a project; `by_group` as above. Told to the user.',
  'fog.project.deleted': 'A project was deleted; `changed_by` says by whom. Told to all of its members.',
  'fog.secret.changed': 'A secret was created, changed or deleted; `change` says which. Told to the maintainers of its project.',
  'fog.registry.changed':
    'The credential for a registry was created, changed or deleted; `change` says which. Told to the maintainers of its project; of one of the installation, to administrators.',
  'fog.registry.pull_failed':
    'An image could not be pulled, and this credential was shown to its registry. Told to the same, at most once a day until it is changed.',
  'fog.notification.disabled': 'A webhook or e-mail subscription was switched off after days of nothing but failures.',
  'fog.notification.test': 'A test that the owner of a webhook or e-mail subscription asked for; delivered there only.',
} as const;

export type EventType = keyof typeof EVENT_TYPES;

export const isEventType = (text: string): text is EventType => Object.hasOwn(EVENT_TYPES, text);
