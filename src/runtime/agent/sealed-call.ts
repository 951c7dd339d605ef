import type { SecretBox } from '../../common/crypto/secret-box';
import type { CallArguments, CallKind } from './link-messages';

const contextOf = (callId: string): string => `agent call ${callId}`;

/** The arguments of a question for its row, encrypted, since they may have the password of a registry. */
export const sealArguments = (box: SecretBox, callId: string, asked: CallArguments[CallKind]): string =>
  box.seal(JSON.stringify(asked), contextOf(callId)).toString('base64');

/** What `sealArguments` has made. Throws for what was encrypted with another key. */
export const openArguments = (box: SecretBox, callId: string, sealed: string): CallArguments[CallKind] =>
  JSON.parse(box.open(Buffer.from(sealed, 'base64'), contextOf(callId))) as CallArguments[CallKind];
