import { DriverError } from '../runtime-driver';
import { isNoSuchContainer, isNoSuchImage, refusalWords, toDriverError } from './docker-errors';

/** Errors as dockerode builds them: its own guess at the status code's meaning, then what the engine said. */
const answered = (statusCode: number, guess: string, message: string): Error =>
  Object.assign(new Error(`(HTTP code ${statusCode}) ${guess} - ${message} `), { statusCode, json: { message } });
const failed = (code: string): Error => Object.assign(new Error(`connect ${code} /var/run/docker.sock`), { code });

/** Texts of Docker 20.10, as seen. */
const RUNC_NOT_FOUND =
  'OCI runtime create failed: starting container process caused: exec: "/x": stat /x: no such file or directory: unknown';
const NO_CONTAINERD = 'failed to dial "/run/containerd/containerd.sock": connect: no such file or directory';
const NO_PORT =
  'driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen tcp4 10.9.8.7:0: bind: cannot assign requested address';
const NO_GPU = 'could not select device driver "" with capabilities: [[gpu]]';

describe('errors of a Docker Engine', () => {
  it('tells an unknown image from an absent container, although the client calls both the same', () => {
    const image = answered(404, 'no such container', 'No such image: nginx:1');
    const container = answered(404, 'no such container', 'No such container: abc');
    expect([isNoSuchImage(image), isNoSuchContainer(image)]).toEqual([true, false]);
    expect([isNoSuchImage(container), isNoSuchContainer(container)]).toEqual([false, true]);
  });

  it('reads the words also where the client has kept no body', () => {
    const stream = Object.assign(new Error('(HTTP code 404) no such container - No such image: x '), { statusCode: 404 });
    expect([isNoSuchImage(stream), isNoSuchContainer(stream)]).toEqual([true, false]);
  });

  it.each([
    [answered(400, 'bad parameter', 'invalid something at /var/lib/x'), 'rejected', 'The engine could not create the container (code 400)'],
    [answered(500, 'server error', 'open /var/lib/docker/x: broken'), 'timeout', 'The engine could not create the container (code 500)'],
    [answered(404, 'unexpected', 'page not found'), 'timeout', 'The engine could not create the container (code 404)'],
    [answered(409, 'unexpected', 'conflict'), 'timeout', 'The engine could not create the container (code 409)'],
    [answered(400, 'bad parameter', RUNC_NOT_FOUND), 'rejected', 'The command was not found in the image'],
    [
      answered(400, 'bad parameter', 'No command specified'),
      'rejected',
      'The image has no command of its own: the deployment must give one',
    ],
    [answered(500, 'server error', RUNC_NOT_FOUND), 'timeout', 'The engine could not create the container (code 500)'],
    [answered(500, 'server error', NO_CONTAINERD), 'timeout', 'The engine could not create the container (code 500)'],
    [answered(400, 'bad parameter', NO_CONTAINERD), 'rejected', 'The engine could not create the container (code 400)'],
    [answered(500, 'server error', NO_PORT), 'unfit', 'A port could not be published on the address of this node'],
    [answered(500, 'server error', NO_GPU), 'unfit', 'The engine of this node cannot give containers a GPU'],
    [answered(500, 'server error', 'write /x: permission denied'), 'timeout', 'The engine could not create the container (code 500)'],
    [
      answered(400, 'bad parameter', 'Range of CPUs is from 0.01 to 2.00'),
      'unfit',
      'The machine of this node has fewer CPU cores than one replica asks for',
    ],
    [failed('ECONNREFUSED'), 'unreachable', 'The engine of this node does not answer'],
    [failed('ENOENT'), 'unreachable', 'The engine of this node does not answer'],
    [failed('ETIMEDOUT'), 'timeout', 'The engine took too long to create the container'],
    [new Error('x509 for 10.0.0.1'), 'unreachable', 'The engine of this node could not be asked to create the container'],
    ['no error at all', 'unreachable', 'The engine of this node could not be asked to create the container'],
  ])('%s is %s', (error, failure, message) => {
    expect(toDriverError(error, 'create the container')).toMatchObject({ failure, message });
  });

  it('keeps a DriverError as it is', () => {
    const error = new DriverError('aborted', 'x');
    expect(toDriverError(error, 'y')).toBe(error);
  });

  it('has no words for what it does not know', () => {
    expect(refusalWords('something new')).toBeNull();
    expect(refusalWords(NO_CONTAINERD)).toBeNull();
    expect(refusalWords(RUNC_NOT_FOUND)).toBe('The command was not found in the image');
  });
});
