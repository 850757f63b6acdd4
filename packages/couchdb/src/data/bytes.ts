import { bytesToHex, hexToBytes } from "@noble/hashes/utils"
import * as Option from "effect/Option"

const encoder = new TextEncoder()

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** The text's bytes in UTF-8, one a character, as headers are sent. */
export const latin1 = (text: string): string => {
  let out = ""
  for (const byte of utf8(text)) out += String.fromCharCode(byte)
  return out
}

export const hex: (bytes: Uint8Array) => string = bytesToHex

/** `None` where the text is no hexadecimal digits, or an odd number of them. */
export const fromHex: (text: string) => Option.Option<Uint8Array> = Option.liftThrowable(hexToBytes)

/** `None` where the text is no Base64. */
export const fromBase64: (text: string) => Option.Option<Uint8Array> = Option.liftThrowable((text) =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
)
