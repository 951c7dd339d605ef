import { SecretBox } from '../common/crypto/secret-box';
import { Tickets } from './tickets';

describe('the tickets of links', () => {
  const tickets = new Tickets(new SecretBox(Buffer.alloc(32, 'k')));
  const { ticket, keyId } = tickets.issue('node', 7);

  it('tell their number, to who has issued them', () => expect(tickets.read('node', ticket)).toBe(7));

  it('are read with both keys while one is changed, and are no more known to who has only the other', () => {
    const other = Buffer.alloc(32, 'x');
    const both = new Tickets(new SecretBox(other, Buffer.alloc(32, 'k')));
    const next = new Tickets(new SecretBox(other));
    expect([both.read('node', ticket), both.canRead(keyId)]).toEqual([7, true]);
    expect([next.read('node', ticket), next.canRead(keyId), next.canRead(null)]).toEqual([null, false, true]);
  });

  it('are none of another node, of another installation, with another number, or made up', () => {
    expect(tickets.read('other', ticket)).toBeNull();
    expect(new Tickets(new SecretBox(Buffer.alloc(32, 'x'))).read('node', ticket)).toBeNull();
    for (const made of [ticket.replace(/^7/, '8'), '8.', '8', '', `${ticket}0`, '9'.repeat(30)])
      expect(tickets.read('node', made)).toBeNull();
  });
});
