/** The e-mail address of a user's account. */
export interface AccountAddress {
  readonly email: string;
  /** Whether the user has shown a code from that address. It must be done anew when the address of the account changes. */
  readonly isConfirmed: boolean;
}

/** SQL that is true when the user `u` has confirmed the address that the account has now. */
export const IS_CONFIRMED = `EXISTS (SELECT 1 FROM confirmed_addresses AS c WHERE c.user_id = u.id AND c.email = u.email)`;
