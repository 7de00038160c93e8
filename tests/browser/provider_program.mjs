// An identity provider: the certified oidc-provider on loopback. Arguments: port, redirect address, and again for a second node.
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(resolve(dirname(fileURLToPath(import.meta.url)), '../../web/package.json'));
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);
const [port, first, second] = process.argv.slice(2);
const key = (type, options, kid) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid, use: 'sig' });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: 'alpha node', client_secret: 'a secret: with & odd +characters%', redirect_uris: [first], response_types: ['code'], grant_types: ['authorization_code'] },
    { client_id: 'beta', token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256', redirect_uris: [second], response_types: ['code'], grant_types: ['authorization_code'] },
  ],
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'r1'), key('ec', { namedCurve: 'P-256' }, 'e1')] },
  cookies: { keys: ['only for this test'] },
  pkce: { methods: ['S256'], required: () => true },
});
provider.listen(Number(port), '127.0.0.1');
