/** The e-mail with a one-time link. It contains nothing that a stranger has written. `publicUrl`: where the API is, for those who know. */
export function passwordMailText(
  token: string,
  { hours, publicUrl = '' }: { hours: number; publicUrl?: string },
): {
  subject: string;
  text: string;
} {
  const text = `Somebody has asked for a new password of your account at fog-compute.

If that was you, set it within ${hours} ${hours === 1 ? 'hour' : 'hours'}:

POST ${publicUrl}/api/auth/password-reset/confirm
{"token":"${token}","password":"YOUR-NEW-PASSWORD"}

If it was not, do nothing: your password stays as it is.
`;
  return { subject: '[fog-compute] set a new password', text };
}
