import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';

/** Longer than it takes when the first packet is lost and sent again, after a second. */
const ATTEMPT_MS = 1_500;

/**
 * Node gives an address of a name 250 ms to connect and then never comes back to it. When the other addresses are dead, as IPv6
 * often is, a server that is far away would never be reached. This holds for all connections of the process: to the database,
 * to engines, webhooks, mail servers and identity providers.
 */
export const connectPatiently = (): void => setDefaultAutoSelectFamilyAttemptTimeout(ATTEMPT_MS);
