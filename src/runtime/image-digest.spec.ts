import { digestIn, pinned } from './image-digest';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;

describe('the digest of an image', () => {
  it.each([
    ['nginx', `nginx@${DIGEST}`],
    ['nginx:1.27', `nginx@${DIGEST}`],
    ['docker.io/library/nginx:1.27', `nginx@${DIGEST}`],
    ['127.0.0.1:5000/team/app:1', `127.0.0.1:5000/team/app@${DIGEST}`],
    [`nginx:1.27@${OTHER}`, `nginx:1.27@${OTHER}`],
  ])('of %s makes %s', (image, reference) => expect(pinned(image, DIGEST)).toBe(reference));

  it('is that of its own repository', () => {
    const names = ['app:1', `mirror.example/app@${OTHER}`, `app@${DIGEST}`];
    expect(digestIn({ names }, 'app:1')).toBe(DIGEST);
    expect(digestIn({ names }, 'mirror.example/app:1')).toBe(OTHER);
    expect(digestIn({ names }, 'mirror.example/other:1')).toBeNull();
    expect(digestIn({ names: [] }, `app@${OTHER}`)).toBe(OTHER);
  });

  it('is not there where no registry knows the image', () => expect(digestIn({ names: ['built:here'] }, 'built:here')).toBeNull());
});
