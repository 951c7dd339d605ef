import { kubeconfigFault } from './kubeconfig';

const good = {
  'current-context': 'here',
  contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
  clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', 'certificate-authority-data': 'AA==' } }],
  users: [{ name: 'u', user: { token: 'secret' } }],
};
const withUser = (user: object): string => JSON.stringify({ ...good, users: [{ name: 'u', user }] });
const withCluster = (cluster: object): string => JSON.stringify({ ...good, clusters: [{ name: 'c', cluster }] });
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
    ['a path to the key', withUser({ 'client-key': '/etc/ssl/key' }), /client-key .*refused/],
  ])('refuses %s, and shows none of its content', (_what, text, words) => {
    expect(kubeconfigFault(text)).toMatch(words);
    expect(kubeconfigFault(text)).not.toContain('secret');
  });
});
