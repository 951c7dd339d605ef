/**
 * Whether mail can be sent to the address. Users without an address have one under `.invalid`, a domain that never
 * exists (RFC 2606).
 */
export const isReachableEmail = (email: string): boolean => !email.toLowerCase().endsWith('.invalid');
