/** The e-mail address of a user's account. */
export interface AccountAddress {
  readonly email: string;
  /** Whether the user has sent us a code from an e-mail to that address. A new address must be confirmed again. */
  readonly isConfirmed: boolean;
  /** Why the e-mail with the code that was asked for last has not been sent yet; null while nothing is wrong. */
  readonly confirmationError: string | null;
}

/** SQL that is true when the user `u` has confirmed the address that the account has now. */
export const IS_CONFIRMED = `EXISTS (SELECT 1 FROM confirmed_addresses AS c WHERE c.user_id = u.id AND c.email = u.email)`;

/** SQL of `confirmationError` for the user `u`. */
export const CONFIRMATION_ERROR = `(
  SELECT a.last_error FROM address_codes AS a
   WHERE a.user_id = u.id AND a.email = u.email AND a.sent_at IS NULL AND a.created_at > now() - interval '1 day'
   ORDER BY a.created_at DESC LIMIT 1)`;
