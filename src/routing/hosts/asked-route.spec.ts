import { readRoutes, type AskedRoute, type RouteCircumstances } from './asked-route';

const at: RouteCircumstances = {
  name: 'web',
  owner: { id: '11111111-2222-3333-4444-555555555555', name: 'ada' },
  isAdmin: false,
  ports: [8080],
  domain: 'localhost',
  allowedDomains: ['shop.example'],
};
const aRoute = (over: Partial<AskedRoute> = {}): AskedRoute => ({ host: null, pathPrefix: '/', port: 8080, ...over });
const hostsOf = (asked: readonly AskedRoute[], over: Partial<RouteCircumstances> = {}): string[] => {
  const read = readRoutes(asked, { ...at, ...over });
  return 'routes' in read ? read.routes.map(({ host }) => host) : read.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);
};

describe('readRoutes', () => {
  it('names a route after the deployment and its owner', () => {
    expect(hostsOf([aRoute()])).toEqual(['web.ada.localhost']);
    expect(hostsOf([aRoute()], { name: 'Web.API' })).toEqual(['web.api.ada.localhost']);
  });

  it('asks for a host when the name cannot be one', () => {
    expect(hostsOf([aRoute()], { name: 'web_api' })).toEqual(['/routes/0/host: is needed: the name web_api cannot stand in a host name']);
  });

  it.each(['ada.localhost', 'localhost', 'web.bob.localhost', 'WEB.BOB.localhost.', 'xada.localhost', 'web.xada.localhost'])(
    'keeps %s from everybody but administrators',
    (host) =>
      expect(hostsOf([aRoute({ host })])).toEqual(['/routes/0/host: host must end with .ada.localhost, or be outside of localhost']),
  );

  it('lets administrators give out every name below the domain', () => {
    expect(hostsOf([aRoute({ host: 'web.bob.localhost' })], { isAdmin: true })).toEqual(['web.bob.localhost']);
    expect(hostsOf([aRoute({ host: 'localhost' })], { isAdmin: true })).toHaveLength(1);
  });

  it('allows hosts outside of the domain where that is allowed', () => {
    expect(hostsOf([aRoute({ host: 'Shop.example' }), aRoute({ host: 'a.b.shop.example' })])).toEqual(['shop.example', 'a.b.shop.example']);
    expect(hostsOf([aRoute({ host: 'badshop.example' })])).toEqual([
      '/routes/0/host: host must be in a domain that is allowed here: .ada.localhost, shop.example',
    ]);
  });

  it('tells every fault of every route', () => {
    expect(hostsOf([aRoute({ port: 53 }), aRoute({ host: '*.x', pathPrefix: 'x' })])).toEqual([
      "/routes/0/port: port must be one of the deployment's tcp ports: 8080",
      '/routes/1/path_prefix: path_prefix must start with /',
      '/routes/1/host: host must be one name: wildcards are not supported',
    ]);
    expect(hostsOf([aRoute(), aRoute({ host: 'WEB.ada.localhost' })])).toEqual(['/routes/1/host: must not repeat web.ada.localhost/']);
  });
});
