import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
/** In a mount namespace of its own, what is written to these folders is gone afterwards. */
const APART = `
  set -eu
  mount --make-rprivate /
  for at in etc opt; do
    mkdir -p "$HOME_OF_TEST/$at/up" "$HOME_OF_TEST/$at/work"
    mount -t overlay overlay -o "lowerdir=/$at,upperdir=$HOME_OF_TEST/$at/up,workdir=$HOME_OF_TEST/$at/work" "/$at"
  done
  getent group docker > /dev/null || groupadd docker
  rm -rf /opt/fog-compute /opt/fog-compute.old /etc/fog-compute`;

const apart = (home: string, script: string, env: Readonly<Record<string, string>> = {}): { status: number | null; output: string } => {
  const PATH = `${join(home, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin`;
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', `${APART}\n${script}`], {
    ...{ encoding: 'utf8', cwd: home },
    env: { PATH, HOME_OF_TEST: home, ...env },
  });
  return { status, output: `${stdout}${stderr}` };
};

function missing(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root';
  if (!existsSync('/usr/bin/node')) return 'needs /usr/bin/node';
  const home = mkdtempSync(join(tmpdir(), 'fog-install-'));
  const { status, output } = apart(home, 'true');
  rmSync(home, { recursive: true, force: true });
  return status === 0 ? null : `needs overlays in mount namespaces (${output.trim()})`;
}

const words = missing();
if (words !== null && process.env.REQUIRE_DOCKER_ENGINE === '1') throw new Error(`The installation of an agent ${words}`);
if (words !== null) process.stderr.write(`\nSKIPPED: the installation of an agent ${words}\n\n`);

(words === null ? describe : describe.skip)('the installation of an agent as a service', () => {
  let home: string;
  let source: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'fog-install-'));
    source = join(home, 'program');
    for (const folder of ['bin', 'program/dist', 'program/node_modules']) mkdirSync(join(home, folder), { recursive: true });
    cpSync(join(ROOT, 'deploy/agent'), join(source, 'deploy/agent'), { recursive: true });
    writeFileSync(join(source, 'dist/main.js'), 'first');
    writeFileSync(join(home, 'bin/systemctl'), `#!/bin/sh\necho "$@" >> ${join(home, 'asked')}\n`);
    chmodSync(join(home, 'bin/systemctl'), 0o755);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const INSTALL = 'sh "$HOME_OF_TEST/program/deploy/agent/install.sh"';
  const JOIN = { SERVER_URL: 'https://fog.example.org', JOIN_TOKEN: 'fogj_x', HTTPS_PROXY: 'http://user:secret@proxy:3128' };
  const asked = (): string[] => readFileSync(join(home, 'asked'), 'utf8').trim().split('\n');

  it('copies the program, keeps what it was told to itself and the service, and starts it', () => {
    const look = `
      echo "$(stat -c '%U:%G %a' /etc/fog-compute/agent.env) $(stat -c '%U:%G' /opt/fog-compute/dist/main.js) $(id -nG fog-agent)"
      cat /etc/fog-compute/agent.env
      cmp /etc/systemd/system/fog-compute-agent.service "$HOME_OF_TEST/program/deploy/agent/fog-compute-agent.service"`;
    const { status, output } = apart(home, `${INSTALL}\n${look}`, JOIN);
    expect(output.trim().split('\n')).toEqual([
      'The agent runs. What it does: journalctl -u fog-compute-agent -f',
      'root:fog-agent 640 root:root fog-agent',
      ...Object.entries(JOIN).map(([name, value]) => `${name}=${value}`),
    ]);
    expect(status).toBe(0);
    expect(asked()).toEqual(['daemon-reload', 'enable fog-compute-agent', 'restart fog-compute-agent']);
  });

  it('has a unit that systemd understands', () => {
    const { status, output } = apart(
      home,
      `command -v systemd-analyze > /dev/null || exit 0
      ${INSTALL} > /dev/null
      touch /etc/systemd/system/docker.service
      systemd-analyze verify --man=no /etc/systemd/system/fog-compute-agent.service`,
      JOIN,
    );
    // Two settings are of a newer systemd than Debian's, and are left out there.
    expect(output.split('\n').filter((line) => line.includes('fog-compute-agent') && !/Restart(Steps|MaxDelaySec)/.test(line))).toEqual([]);
    expect(status).toBe(0);
  });

  it('once more replaces the program, keeps the one of before, and all that was told', () => {
    const again = `
      echo second > "$HOME_OF_TEST/program/dist/main.js"
      env -u SERVER_URL -u JOIN_TOKEN -u HTTPS_PROXY ${INSTALL}
      cat /opt/fog-compute/dist/main.js /opt/fog-compute.old/dist/main.js
      grep -c . /etc/fog-compute/agent.env
      ls /opt/fog-compute.new 2> /dev/null || true`;
    const { output } = apart(home, `${INSTALL}\n${again}`, JOIN);
    expect(output.trim().split('\n').slice(2)).toEqual(['second', 'first3']);
  });

  it('refuses in words, and changes nothing, where something is lacking', () => {
    const { status, output } = apart(home, `${INSTALL} || { test ! -e /opt/fog-compute && test ! -e /etc/fog-compute && exit 7; }`);
    expect(output.trim()).toBe('Set SERVER_URL and JOIN_TOKEN, as the registration of the node has printed them.');
    expect(status).toBe(7);
    const without = apart(home, `groupdel docker\n${INSTALL}`, JOIN);
    expect(without.output.trim()).toBe('There is no group docker: install the Docker Engine first.');
    expect(existsSync(join(home, 'asked'))).toBe(false);
  });
});
