/** The e-mail address of a user's account. */
export interface AccountAddress {
  readonly email: string;
  /** Whether the user has sent us a code from an e-mail to that address. A new address must be confirmed again. */
  readonly isConfirmed: boolean;
}

/** SQL that is true when the user `u` has confirmed the address that the account has now. */
export const IS_CONFIRMED = `EXISTS (SELECT 1 FROM confirmed_addresses AS c WHERE c.user_id = u.id AND c.email = u.email)`;
