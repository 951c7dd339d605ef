import { joinCommand } from './join-command';

const server = (over: object): string => joinCommand({ HOST: '127.0.0.1', PORT: 8000, ...over }, 'fogj_x');

describe('the command that makes a machine join', () => {
  it.each([
    [{ PUBLIC_URL: 'https://fog.example.org/fog' }, 'SERVER_URL=https://fog.example.org/fog'],
    [{}, 'SERVER_URL=http://127.0.0.1:8000'],
    [{ HOST: '0.0.0.0' }, 'SERVER_URL=http://127.0.0.1:8000'],
    [{ HOST: '10.0.0.5' }, 'SERVER_URL=http://10.0.0.5:8000 SERVER_PLAIN_HTTP=true'],
    [{ HOST: '::1' }, 'SERVER_URL=http://[::1]:8000'],
    [{ HOST: 'fe80::1%eth0' }, 'SERVER_URL=http://[fe80::1%eth0]:8000 SERVER_PLAIN_HTTP=true'],
    [{ HOST: 'fd00::5' }, 'SERVER_URL=http://[fd00::5]:8000 SERVER_PLAIN_HTTP=true'],
    [{ PUBLIC_URL: "https://fog.example.org/a'b;c" }, "SERVER_URL='https://fog.example.org/a'\\''b;c'"],
  ])('leads to where agents find us: %j', (config, url) => expect(server(config)).toBe(`${url} JOIN_TOKEN=fogj_x ROLE=agent npm start`));
});
