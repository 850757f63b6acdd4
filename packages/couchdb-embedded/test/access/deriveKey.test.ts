import { describe, expect, it } from "@effect/vitest"
import { pbkdf2 } from "@noble/hashes/pbkdf2"
import { sha256 } from "@noble/hashes/sha2"
import * as Encoding from "effect/Encoding"
import { deriveKey } from "../../src/access/deriveKey.js"

describe("deriveKey", () => {
  it("derives the published test vectors of PBKDF2 with SHA-256", () => {
    expect(deriveKey("passwd", "salt", 1)).toBe("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")
    expect(deriveKey("Password", "NaCl", 80_000)).toBe(
      "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
    )
  })

  it.each([["", ""], ["päss\u0000wörd", "sält"], ["🦋".repeat(40), "f00d"]])(
    "derives the same key from %j and %j as the implementation without native code",
    (password, salt) => {
      const portable = Encoding.encodeHex(pbkdf2(sha256, password, salt, { c: 10, dkLen: 32 }))
      expect(deriveKey(password, salt, 10)).toBe(portable)
    }
  )
})
