import { keyMaterial, seal, unseal } from './sealing';

describe('a kept answer', () => {
  const { answerKey } = keyMaterial('a-user', 'a-key');
  const answer = { body: { id: 1 } };

  it('is read again with the key of its request, and with no other', () => {
    const sealed = seal(answer, answerKey);
    expect(unseal(sealed, answerKey)).toEqual(answer);
    expect(() => unseal(sealed, keyMaterial('a-user', 'another-key').answerKey)).toThrow();
    expect(() => unseal(sealed, keyMaterial('another-user', 'a-key').answerKey)).toThrow();
  });

  it('cannot be changed', () => {
    const sealed = seal(answer, answerKey);
    sealed.writeUInt8(sealed.readUInt8(sealed.length - 1) ^ 1, sealed.length - 1);
    expect(() => unseal(sealed, answerKey)).toThrow();
  });

  it('is read from the bytes that are in databases today', () => {
    expect(unseal(Buffer.from('BwcHBwcHBwcHBwcHKw7uEL3jWnBzIw2TwGX8Ebyu09ss28GSyqLSrI6X6dSx', 'base64'), answerKey)).toEqual(answer);
  });
});
