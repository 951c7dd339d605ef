import type { Tx } from '../../database/transaction';

/** Tickets of which nobody has noted the key were sealed with one that is no longer used. 0 is no id of a key. */
export async function forgetTickets(tx: Tx): Promise<void> {
  await tx.query(`UPDATE agent_links SET confirmed_key = 0 WHERE confirmed_key IS NULL`);
}
