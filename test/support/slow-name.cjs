// Loaded into a program under test (NODE_OPTIONS=--require) before it begins: slow.example has an address of each family, as a name server
// would tell of slow-host.py.
const dns = require('node:dns');
const { Resolver } = require('node:dns/promises');

const NAME = 'slow.example';
const ADDRESSES = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

const { lookup } = dns;
dns.lookup = (hostname, ...rest) => {
  if (hostname !== NAME) return lookup(hostname, ...rest);
  const [options] = rest;
  const callback = rest.at(-1);
  if (options.all === true) process.nextTick(callback, null, ADDRESSES);
  else process.nextTick(callback, null, ADDRESSES[0].address, ADDRESSES[0].family);
};

for (const family of [4, 6]) {
  const resolve = Resolver.prototype[`resolve${family}`];
  Resolver.prototype[`resolve${family}`] = function (hostname, ...rest) {
    const found = ADDRESSES.filter((each) => each.family === family).map(({ address }) => address);
    return hostname === NAME ? Promise.resolve(found) : resolve.call(this, hostname, ...rest);
  };
}
