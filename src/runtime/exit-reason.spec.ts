import { exitReason } from './exit-reason';

const ended = (code: number, outOfMemory = false, memoryMb: number | null = 512) => exitReason({ code, outOfMemory, memoryMb });

describe('exitReason', () => {
  it.each([
    [0, 'Exited with code 0'],
    [1, 'Exited with code 1'],
    [126, 'Exited with code 126: the command may not be executed'],
    [127, 'Exited with code 127: the command was not found in the image'],
    [137, 'Killed (exit code 137)'],
    [128, 'Exited with code 128'],
    [130, 'Exited with code 130'],
    [134, 'Crashed with SIGABRT (exit code 134)'],
    [139, 'Crashed with SIGSEGV (exit code 139)'],
    [159, 'Crashed with SIGSYS (exit code 159)'],
    [143, 'Terminated (exit code 143)'],
    [-1, 'Exited with code -1'],
    [3221225786, 'Exited with code 3221225786'],
    [255, 'Exited with code 255: it ended so by itself, or its machine or engine was restarted'],
  ])('puts code %i into words', (code, words) => {
    expect(ended(code)).toBe(words);
  });

  it('names a lack of memory as the cause of a kill', () => {
    expect(ended(137, true)).toBe('Out of memory (limit 512 MB)');
    expect(ended(137, true, null)).toBe('Out of memory');
  });

  it.each([
    [3, 'Exited with code 3; before that a process in it had run out of memory (limit 512 MB)'],
    [0, 'Exited with code 0; before that a process in it had run out of memory (limit 512 MB)'],
    [143, 'Terminated (exit code 143); before that a process in it had run out of memory (limit 512 MB)'],
  ])('does not take the lack of memory of a child for the end of the whole, with code %i', (code, words) => {
    expect(ended(code, true)).toBe(words);
  });
});
