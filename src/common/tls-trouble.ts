import { fieldOf } from './field-of';

/** What OpenSSL and Node say about TLS, by code or by words, and what that means. `it` is who was called. The first match counts. */
const TROUBLES: readonly (readonly [RegExp, string])[] = [
  [
    /UNABLE_TO_(?:VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|SELF_SIGNED_CERT_IN_CHAIN/,
    'its certificate is signed by an authority that is not trusted here',
  ],
  [
    /unable to (?:verify the first certificate|get (?:local )?issuer certificate)|certificate signature failure|in certificate chain/i,
    'its certificate is signed by an authority that is not trusted here',
  ],
  [/DEPTH_ZERO_SELF_SIGNED_CERT|self.signed certificate/i, 'its certificate is self-signed, by nobody who is trusted here'],
  [/CERT_NOT_YET_VALID|certificate is not yet valid/i, 'its certificate is not valid yet'],
  [/CERT_HAS_EXPIRED|certificate has expired/i, 'its certificate has expired'],
  [/ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/i, 'its certificate is for another name'],
  [/ALERT_(?:CERTIFICATE_EXPIRED)|alert certificate expired/i, 'it refuses the client certificate, which has expired'],
  [
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|HANDSHAKE_FAILURE)|alert (?:unknown ca|bad certificate|certificate|unsupported certificate|access denied|handshake failure)/i,
    'it refuses the client certificate, or wants one',
  ],
  [/KEY_VALUES_MISMATCH|key values mismatch/i, 'the client certificate and its key do not belong together'],
  [/ERR_OSSL_(?:PEM|ASN1)|PEM routines|no start line|bad base64/i, 'the files with certificates and key are not in the PEM format'],
  [
    /WRONG_VERSION_NUMBER|wrong version number|packet length too long|http request was sent|HTTP request to an HTTPS/i,
    'it does not speak TLS there',
  ],
  [/does not support SSL/i, 'it does not speak TLS there'],
];

/** What went wrong with TLS, as the end of a sentence about the one that was called; null when it was something else. */
export function tlsTrouble(error: unknown): string | null {
  const said = ['code', 'originalCode', 'message'].map((name) => fieldOf(error, name)).join(' ');
  return TROUBLES.find(([words]) => words.test(said))?.[1] ?? null;
}
