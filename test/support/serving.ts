/** The command of a replica that answers GET with these words, and POST to `TAKES_BODIES` with the number of bytes of the line that came. */
export const serving = (words: string): string[] => commandOf(`echo ${words} > /tmp/w/index.html`);

/** The same, but it answers GET with 404, as to a health check. */
export const servingNothing = (): string[] => commandOf('true');

export const TAKES_BODIES = '/take.cgi';

/** For a replica under load: each request with a body starts a shell. */
export const LOADED = { cpu: 0.2, memory: 32, storage: 1 };

const SCRIPT = [`'printf "Content-Type: text/plain\\r\\n\\r\\n"'`, `'read -r body; echo "\${#body}"'`];

const commandOf = (prepare: string): string[] => [
  'sh',
  '-c',
  [
    `mkdir -p /tmp/w && ${prepare}`,
    `printf '%s\\n' ${SCRIPT.join(' ')} > /tmp/w${TAKES_BODIES}`,
    `echo '*.cgi:/bin/sh' > /tmp/w/httpd.conf`,
    'exec httpd -f -p 8080 -h /tmp/w -c /tmp/w/httpd.conf',
  ].join(' && '),
];
