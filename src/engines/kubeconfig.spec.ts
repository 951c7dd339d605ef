import { kubeconfigFault, ownKubeconfig } from './kubeconfig';

const good = {
  'current-context': 'here',
  contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
  clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', 'certificate-authority-data': 'AA==' } }],
  users: [{ name: 'u', user: { token: 'secret' } }],
};
const withUser = (user: object): string => JSON.stringify({ ...good, users: [{ name: 'u', user }] });
const withCluster = (cluster: object): string => JSON.stringify({ ...good, clusters: [{ name: 'c', cluster }] });
const withSecondUser = (user: object): string => JSON.stringify({ ...good, users: [...good.users, { name: 'v', user }] });
const withSecondCluster = (cluster: object): string => JSON.stringify({ ...good, clusters: [...good.clusters, { name: 'd', cluster }] });
const server = 'https://10.0.0.1:6443';

describe('kubeconfigFault', () => {
  it.each([
    ['JSON', JSON.stringify(good)],
    [
      'YAML',
      `current-context: here\ncontexts: [{name: here, context: {cluster: c, user: u}}]\nclusters:\n- name: c\n  cluster: {server: "https://h"}\nusers:\n- name: u\n  user: {client-certificate-data: QQ==, client-key-data: QQ==}\n`,
    ],
  ])('finds nothing in a good one in %s', (_form, text) => {
    expect(kubeconfigFault(text)).toBeNull();
  });

  it.each([
    ['nothing', '', /kubeconfig, in YAML or JSON/],
    ['a word', 'hello', /kubeconfig, in YAML or JSON/],
    ['broken YAML', '{a: [', /kubeconfig, in YAML or JSON/],
    ['a list', '[1]', /kubeconfig, in YAML or JSON/],
    ['no current context', JSON.stringify({ ...good, 'current-context': 'there' }), /current-context/],
    ['no such cluster', JSON.stringify({ ...good, clusters: [] }), /among clusters/],
    ['no such user', JSON.stringify({ ...good, users: 'u' }), /among users/],
    ['plain HTTP', withCluster({ server: 'http://10.0.0.1:6443' }), /https:\/\/host:port/],
    ['no server', withCluster({}), /https:\/\/host:port/],
    ['an unchecked certificate', withCluster({ server, 'insecure-skip-tls-verify': true }), /insecure-skip-tls-verify/],
    ['a path to the authority', withCluster({ server, 'certificate-authority': '/etc/ca' }), /certificate-authority-data/],
    ['a proxy', withCluster({ server, 'proxy-url': 'http://p' }), /proxy-url/],
    ['a program', withUser({ exec: { command: 'sh' } }), /exec .*refused/],
    ['an old plugin', withUser({ 'auth-provider': { name: 'gcp' } }), /auth-provider .*refused/],
    ['a token file', withUser({ tokenFile: '/etc/shadow' }), /tokenFile .*refused/],
    ['a token file as client libraries spell it', withUser({ 'token-file': '/etc/shadow' }), /token-file .*refused/],
    ['such a file for another user', withSecondUser({ 'token-file': '/etc/shadow' }), /token-file .*refused/],
    ['a program for another user', withSecondUser({ exec: { command: 'sh' } }), /exec .*refused/],
    ['a member that nobody knows', withUser({ token: 'secret', 'token-url': 'https://h' }), /token-url .*refused/],
    ['a token that is no text', withUser({ token: ['secret'] }), /token .*refused/],
    ['a path to the key', withUser({ 'client-key': '/etc/ssl/key' }), /client-key .*refused/],
    ['a path to the authority of another cluster', withSecondCluster({ server, 'certificate-authority': '/etc/ca' }), /authority-data/],
    ['a member of the cluster that nobody knows', withCluster({ server, 'authority-url': 'https://h' }), /authority-url .*refused/],
    ['an unchecked certificate in words', withCluster({ server, 'insecure-skip-tls-verify': 'true' }), /insecure-skip-tls-verify/],
  ])('refuses %s, and shows none of its content', (_what, text, words) => {
    expect(kubeconfigFault(text)).toMatch(words);
    expect(kubeconfigFault(text)).not.toContain('secret');
  });
});

describe('kubeconfigFault for whom the machine is trusted with', () => {
  const trusted = { ofMachine: true };
  it.each([
    ['a program', withUser({ exec: { command: 'sh' } }), null],
    ['a token file', withUser({ tokenFile: '/token' }), null],
    ['paths to key and certificate', withUser({ 'client-key': '/key', 'client-certificate': '/cert' }), null],
    ['a path to the authority', withCluster({ server, 'certificate-authority': '/etc/ca' }), null],
    ['an old plugin', withUser({ 'auth-provider': { name: 'gcp' } }), expect.stringContaining('auth-provider')],
    ['an unchecked certificate', withCluster({ server, 'insecure-skip-tls-verify': true }), expect.stringContaining('skip-tls-verify')],
  ])('answers to %s', (_what, text, expected) => {
    expect(kubeconfigFault(text, trusted)).toEqual(expected);
  });
});

describe('ownKubeconfig', () => {
  const untrusted = { ofMachine: false };
  const usersOf = (text: string): unknown => (JSON.parse(text) as { users: unknown }).users;

  it('has the user and the cluster of the current context alone, and their known members', () => {
    const extended = { ...good.clusters[0]!.cluster, extensions: [{ name: 'minikube' }], 'insecure-skip-tls-verify': false };
    const text = JSON.stringify({ ...good, clusters: [{ name: 'c', cluster: extended }], users: [...good.users, { name: 'v', user: {} }] });
    expect(JSON.parse(ownKubeconfig(text, untrusted))).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'node',
      contexts: [{ name: 'node', context: { cluster: 'node', user: 'node' } }],
      clusters: [{ name: 'node', cluster: good.clusters[0]!.cluster }],
      users: [{ name: 'node', user: { token: 'secret' } }],
    });
  });

  it('is not to be had of one that was stored before its member was refused', () => {
    expect(() => ownKubeconfig(withUser({ 'token-file': '/etc/shadow' }), untrusted)).toThrow(/token-file .*refused/);
  });

  it('names a token file so that it is read again when it has changed', () => {
    expect(usersOf(ownKubeconfig(withUser({ tokenFile: '/token' }), { ofMachine: true }))).toEqual([
      { name: 'node', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile: '/token' } } } },
    ]);
  });
});
