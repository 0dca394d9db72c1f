// The identity provider of the tests: what `oidc-provider` is told, and where it listens.
//
//   node provider.mjs MODULE SETTINGS.json
//
// SETTINGS: key and certificate of TLS, the key that signs tokens with its id, and the clients in the words of OpenID Connect
// registration; `certificate` in the place of `jwks` is a PEM file. It prints its address, and ends with its standard input.

import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { pathToFileURL } from 'node:url';

const [module, file] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(module).href);
const settings = JSON.parse(readFileSync(file, 'utf8'));

const client = ({ certificate, ...metadata }) => {
  if (!certificate) return metadata;
  const { publicKey } = new X509Certificate(readFileSync(certificate));
  return { ...metadata, jwks: { keys: [publicKey.export({ format: 'jwk' })] } };
};

const configuration = {
  clients: settings.clients.map(client),
  jwks: {
    keys: [{
      ...createPrivateKey(readFileSync(settings.signing_key)).export({ format: 'jwk' }),
      kid: settings.signing_key_id,
      alg: 'RS256',
      use: 'sig',
    }],
  },
  cookies: { keys: ['the cookies of one run'] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  scopes: ['openid', 'offline_access', 'mail', 'calendar'],
  // Every refresh token is good for one request, and shown again it costs its person the sign-in.
  rotateRefreshToken: true,
  findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: {
    clientCredentials: { enabled: true },
    // Its own pages for people; any password is right.
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    // A token for the mail server, which it can check by itself. Without a resource tokens are opaque.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        audience: resource,
        scope: 'mail',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  // Dovecot 2.3 takes no other type (RFC 9068 has `at+jwt`).
  formats: {
    customizers: {
      jwt: (ctx, token, jwt) => {
        jwt.header = { typ: 'JWT' };
      },
    },
  },
};

const tls = { key: readFileSync(settings.tls_key), cert: readFileSync(settings.tls_certificate) };
const server = createServer(tls);
server.listen(0, '127.0.0.1', () => {
  const issuer = `https://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  for (const event of ['grant.error', 'device_authorization.error', 'introspection.error', 'server_error']) {
    provider.on(event, (ctx, error) => console.error(event, error.message, error.error_description, error.error_detail));
  }
  server.on('request', provider.callback());
  console.log(`issuer ${issuer}`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit());
