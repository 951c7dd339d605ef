/** The function that turns the outcome of a handler into its answer. */
export const PRESENTER = 'command_presenter';
