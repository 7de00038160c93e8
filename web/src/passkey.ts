// Passkeys: what the authenticator says goes to the node as it is, as base64url.
import { post, Session } from './api';

interface Begun { ceremony: string; challenge: string; rp_id: string; user_id: string; user: string; exclude: string[] }

const bytes = (text: string) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
const text = (from: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(from))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

/** Browsers bind them to a host's name: under an address there are none. */
export const passkeysWork = () => 'PublicKeyCredential' in window && !/^[\d.]+$|^\[/.test(location.hostname);

export async function signInByPasskey(): Promise<Session> {
  const b = await post<Begun>('/session/passkey/begin');
  const got = await navigator.credentials.get({ publicKey: { challenge: bytes(b.challenge), rpId: b.rp_id, userVerification: 'required' } }) as PublicKeyCredential;
  const r = got.response as AuthenticatorAssertionResponse;
  return post('/session/passkey', { ceremony: b.ceremony, id: text(got.rawId), client_data: text(r.clientDataJSON), authenticator_data: text(r.authenticatorData),
    signature: text(r.signature) });
}

export async function makePasskey(password: string, name: string) {
  const b = await post<Begun>('/session/passkeys/begin', { password });
  const made = await navigator.credentials.create({ publicKey: {
    challenge: bytes(b.challenge), rp: { id: b.rp_id, name: b.rp_id }, user: { id: bytes(b.user_id), name: b.user, displayName: b.user },
    // ES256, EdDSA, RS256 (Windows Hello).
    pubKeyCredParams: [-7, -8, -257].map(alg => ({ type: 'public-key' as const, alg })),
    excludeCredentials: b.exclude.map(id => ({ type: 'public-key' as const, id: bytes(id) })),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' }, attestation: 'none' } }) as PublicKeyCredential;
  const r = made.response as AuthenticatorAttestationResponse;
  await post('/session/passkeys', { ceremony: b.ceremony, name, client_data: text(r.clientDataJSON), attestation: text(r.attestationObject) });
}
