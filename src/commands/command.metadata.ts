/** The function that turns the outcome of a handler into its answer. */
export const PRESENTER = 'command_presenter';

/** Whether the route takes an `Idempotency-Key`. */
export const TAKES_KEY = 'command_takes_key';
