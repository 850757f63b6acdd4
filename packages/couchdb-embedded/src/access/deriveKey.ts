import { pbkdf2 } from "@noble/hashes/pbkdf2"
import { sha256 } from "@noble/hashes/sha2"
import * as Encoding from "effect/Encoding"

const keyLength = 32

interface NativeCrypto {
  readonly pbkdf2Sync: (
    password: string,
    salt: string,
    iterations: number,
    keyLength: number,
    digest: "sha256"
  ) => Uint8Array
}

const runtime: {
  readonly process?: { readonly getBuiltinModule?: (name: string) => NativeCrypto | undefined }
} = globalThis as never

/** The implementation of the runtime, which is many times faster. Browsers have none that is synchronous. */
const native = runtime.process?.getBuiltinModule?.("node:crypto")

const derive = (password: string, salt: string, iterations: number): Uint8Array =>
  native === undefined
    ? pbkdf2(sha256, password, salt, { c: iterations, dkLen: keyLength })
    : native.pbkdf2Sync(password, salt, iterations, keyLength, "sha256")

/** The key that CouchDB stores instead of a password: PBKDF2 with SHA-256, in hexadecimal. */
export const deriveKey = (password: string, salt: string, iterations: number): string =>
  Encoding.encodeHex(derive(password, salt, iterations))
