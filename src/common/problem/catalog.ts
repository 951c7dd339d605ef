/**
 * Every code that an error answer can carry, with its HTTP status and title. docs/errors.md is compared with this table.
 * `advice` is what the reader can do next; it is published in docs/errors.md.
 */
export const PROBLEMS = {
  malformed_json: { status: 400, title: 'Malformed JSON', advice: 'Send one well-formed JSON object without duplicate keys.' },
  invalid_request: { status: 400, title: 'Invalid request', advice: 'Correct the path, query or header value that `errors` names.' },
  invalid_deployment_id: { status: 400, title: 'Invalid deployment id', advice: 'Use the `deployment_id` that POST /deploy returned.' },
  invalid_state: {
    status: 400,
    title: 'Not possible in this state',
    advice: 'Look at the status; `retry` or `start` may be the way back.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication required',
    advice: 'Send `Authorization: Bearer <token>` from POST /api/auth/login.',
  },
  bad_credentials: { status: 401, title: 'Wrong credentials', advice: 'Check the user name and the password.' },
  inactive_user: { status: 403, title: 'Inactive user', advice: 'Ask an administrator to activate the account.' },
  admin_required: { status: 403, title: 'Administrators only', advice: 'Ask an administrator.' },
  bound_token: { status: 403, title: 'Token bound to a project', advice: 'Use a token or a session that is not bound to one project.' },
  read_only_token: { status: 403, title: 'Read-only token', advice: 'Use a token without the read-only scope.' },
  role_required: { status: 403, title: 'Role required', advice: 'Ask a maintainer of the project for the role that `needed_role` names.' },
  registration_closed: { status: 403, title: 'Registration is closed', advice: 'Ask an administrator for an account.' },
  not_found: { status: 404, title: 'Not found', advice: 'Check the id and that it is yours; deleted ones need `include_deleted=true`.' },
  no_rollout: {
    status: 404,
    title: 'No rollout',
    advice: 'It was never changed or restarted; `PATCH /api/deployment/{id}` begins a rollout.',
  },
  method_not_allowed: { status: 405, title: 'Method not allowed', advice: 'Use one of the methods that `Allow` names.' },
  request_timeout: { status: 408, title: 'Request timeout', advice: 'Send the whole request within 15 seconds.' },
  already_exists: { status: 409, title: 'Already exists', advice: 'Choose another name.' },
  already_deleted: { status: 409, title: 'Already deleted', advice: 'Nothing is left to do; `deleted_at` says since when.' },
  deployment_protected: {
    status: 409,
    title: 'Deployment is protected',
    advice: 'Lift the protection with `DELETE /api/deployment/{id}/protection` first, if it may really go.',
  },
  legal_hold: { status: 409, title: 'Deployment is under legal hold', advice: 'Ask an administrator to lift the hold.' },
  name_taken: { status: 409, title: 'Name taken', advice: 'Restore it under another `name`, or rename or delete the other one.' },
  route_taken: { status: 409, title: 'Route taken', advice: 'Choose another `host`, or another `path_prefix` of a host of yours.' },
  image_unavailable: { status: 409, title: 'Image not available', advice: 'Push the image again, then restore.' },
  insufficient_capacity: { status: 409, title: 'Insufficient capacity', advice: 'Free capacity or add a node, then restore.' },
  quota_exceeded: { status: 409, title: 'Quota exceeded', advice: 'Delete or scale down something, or ask an administrator for more.' },
  not_deleted: { status: 409, title: 'Not deleted', advice: 'Only what is deleted can be restored or purged.' },
  retention_not_over: {
    status: 409,
    title: 'Retention is not over',
    advice: 'Wait for `purge_at`, or send `override_retention=true` with a `reason`.',
  },
  teardown_open: {
    status: 409,
    title: 'Teardown has not ended',
    advice: 'Wait for it, or look at the deletion for the step that is open.',
  },
  conflict: { status: 409, title: 'Conflict with the current state', advice: 'Read the current state and decide again.' },
  project_in_use: {
    status: 409,
    title: 'Project in use',
    advice: 'Delete its live deployments first, or move them to another project.',
  },
  secret_in_use: { status: 409, title: 'Secret in use', advice: 'Change or delete the deployments that use it first.' },
  volume_in_use: {
    status: 409,
    title: 'Volume in use',
    advice: 'Change, delete or purge the deployments that mount it first, or mount it with read_only.',
  },
  node_in_use: { status: 409, title: 'Node in use', advice: 'Drain the node first and wait until it holds no reservation.' },
  capacity_in_use: { status: 409, title: 'Capacity in use', advice: 'Capacity cannot go below what is reserved; drain the node first.' },
  idempotency_in_progress: {
    status: 409,
    title: 'Request in progress',
    advice: 'The first request with this key still runs; repeat after `Retry-After`.',
  },
  email_not_configured: {
    status: 409,
    title: 'E-mail not configured',
    advice: 'Ask the operator to set SMTP_URL; use a webhook, or a one-time link of an administrator.',
  },
  events_gone: {
    status: 410,
    title: 'Events gone',
    advice: 'Read the current state anew, then go on from `oldest_position` or without `after`.',
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    advice: 'Read the deployment again, decide again, and send its new `ETag` in `If-Match`.',
  },
  payload_too_large: { status: 413, title: 'Body too large', advice: 'Send less than 256 kB, or 2 MB for a bulk deploy.' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type', advice: 'Send `Content-Type: application/json`.' },
  host_not_allowed: {
    status: 421,
    title: 'Host not allowed',
    advice: 'Call the server by a name that it knows; the operator adds names with ALLOWED_HOSTS or PUBLIC_URL.',
  },
  validation_failed: { status: 422, title: 'Validation failed', advice: 'Correct the fields that `errors` names.' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused', advice: 'Use a new key for a different request.' },
  account_locked: {
    status: 423,
    title: 'Account locked',
    advice: 'Wait as long as `Retry-After` says, or have an administrator unlock it.',
  },
  precondition_required: {
    status: 428,
    title: 'Precondition required',
    advice: 'Look at the preview, and send its `etag` in `If-Match`.',
  },
  rate_limited: { status: 429, title: 'Too many requests', advice: 'Wait as long as `Retry-After` says.' },
  headers_too_large: { status: 431, title: 'Headers too large', advice: 'Send less than 16 kB of headers.' },
  internal: { status: 500, title: 'Internal error', advice: 'Look for the `request_id` in the log.' },
  insufficient_nodes: {
    status: 503,
    title: 'Insufficient nodes',
    advice: 'Free capacity, add a node, or ask for fewer or smaller replicas.',
  },
  try_again: {
    status: 503,
    title: 'Temporarily unavailable',
    advice: 'Repeat after `Retry-After`; use an Idempotency-Key to repeat safely.',
  },
} as const satisfies Record<string, { status: number; title: string; advice: string }>;

export type ProblemCode = keyof typeof PROBLEMS;
