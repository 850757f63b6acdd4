import { bytesToHex, hexToBytes } from "@noble/hashes/utils"
import * as Option from "effect/Option"

const encoder = new TextEncoder()

export const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text)

/** The UTF-8 bytes of the text, one character per byte, as headers are sent. */
export const latin1 = (text: string): string => {
  let out = ""
  for (const byte of encodeUtf8(text)) out += String.fromCharCode(byte)
  return out
}

export const hex: (bytes: Uint8Array) => string = bytesToHex

/** `None` if the text is not an even number of hexadecimal digits. */
export const fromHex: (text: string) => Option.Option<Uint8Array> = Option.liftThrowable(hexToBytes)

/** `None` if the text is not Base64. */
export const fromBase64: (text: string) => Option.Option<Uint8Array> = Option.liftThrowable((text) =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
)
