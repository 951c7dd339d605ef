import { Webhook } from 'standardwebhooks';
import { newWebhookSecret, signatureOf } from './signature';

describe('signatureOf', () => {
  const [secret, old] = [newWebhookSecret(), newWebhookSecret()];
  const message = { id: '4f9e6a50-58f1-4a53-a9a3-a1f1b8e8a2ad', timestamp: Math.floor(Date.now() / 1000), body: '{"a":"ü"}' };
  const headers = (signature: string): Record<string, string> => ({
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestamp),
    'webhook-signature': signature,
  });

  it('is what the library of Standard Webhooks signs', () => {
    expect(signatureOf(message, [secret])).toBe(new Webhook(secret).sign(message.id, new Date(message.timestamp * 1000), message.body));
  });

  it('with two secrets satisfies the holder of either, and nobody else', () => {
    const both = headers(signatureOf(message, [secret, old]));
    expect(new Webhook(secret).verify(message.body, both)).toEqual({ a: 'ü' });
    expect(new Webhook(old).verify(message.body, both)).toEqual({ a: 'ü' });
    expect(() => new Webhook(newWebhookSecret()).verify(message.body, both)).toThrow(/signature/i);
    expect(() => new Webhook(secret).verify(`${message.body} `, both)).toThrow(/signature/i);
  });
});
