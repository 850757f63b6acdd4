import type { Json, JsonObject, RawNumber } from "../Json.js"
import { floatOf } from "./float.js"

type Result =
  | { readonly _tag: "Value"; readonly value: Json }
  | { readonly _tag: "Failure"; readonly offset: number; readonly problem: string }

interface Frame {
  /** The members read so far; `undefined` for an array. */
  readonly members: Array<readonly [string, Json]> | undefined
  readonly items: Array<Json>
  key: string
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const space = /[ \t\n\r]*/y
const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

const hex = /^[0-9a-fA-F]{4}$/

/** The offset after the closing quote of the string that begins at `start`, or -1 if there is no valid string. */
const stringEnd = (text: string, start: number): number => {
  if (text.charCodeAt(start) !== 34) return -1
  for (let i = start + 1; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 34) return i + 1
    if (c < 32) return -1
    if (c !== 92) continue
    i++
    const escape = text[i] ?? ""
    if (escape === "u") {
      if (!hex.test(text.slice(i + 1, i + 5))) return -1
      i += 4
    } else if (!"\"\\/bfnrt".includes(escape) || escape === "") return -1
  }
  return -1
}

/**
 * Parses JSON with an explicit stack, so that deep nesting cannot overflow the call stack. The constructors are
 * parameters because they belong to the public module, which imports this one.
 */
export const parseText = (
  text: string,
  raw: (digits: string) => RawNumber,
  object: (members: Iterable<readonly [string, Json]>) => JsonObject
): Result => {
  const stack: Array<Frame> = []
  let at = 0
  const skip = (): void => {
    space.lastIndex = at
    space.test(text)
    at = space.lastIndex
  }
  const fail = (problem: string): Result => ({ _tag: "Failure", offset: at, problem })
  const readString = (): string | undefined => {
    const end = stringEnd(text, at)
    if (end === -1) return undefined
    const value = JSON.parse(text.slice(at, end)) as string
    if (lone.test(value)) return undefined
    at = end
    return value
  }
  /** Reads `"key":` of the innermost object. */
  const readKey = (frame: Frame): boolean => {
    skip()
    const key = readString()
    if (key === undefined) return false
    skip()
    if (text.charCodeAt(at) !== 58) return false
    at++
    frame.key = key
    return true
  }

  for (;;) {
    skip()
    let value: Json
    const c = text.charCodeAt(at)
    if (c === 123 || c === 91) {
      const frame: Frame = { members: c === 123 ? [] : undefined, items: [], key: "" }
      at++
      skip()
      if (text.charCodeAt(at) === (c === 123 ? 125 : 93)) {
        at++
        value = c === 123 ? object([]) : []
      } else {
        if (c === 123 && !readKey(frame)) return fail("expected a key")
        stack.push(frame)
        continue
      }
    } else if (c === 34) {
      const read = readString()
      if (read === undefined) return fail("a broken string")
      value = read
    } else if (text.startsWith("true", at)) {
      value = true
      at += 4
    } else if (text.startsWith("false", at)) {
      value = false
      at += 5
    } else if (text.startsWith("null", at)) {
      value = null
      at += 4
    } else {
      number.lastIndex = at
      if (!number.test(text)) return fail(at >= text.length ? "the text ends too early" : "expected a value")
      const digits = text.slice(at, number.lastIndex)
      const parsed = Number(digits)
      if (/[.eE]/.test(digits) && !Number.isFinite(floatOf(digits))) return fail("a number beyond a double")
      at = number.lastIndex
      value = JSON.stringify(parsed) === digits ? parsed : raw(digits)
    }
    // The value is complete: add it to its container, and close every container that ends here.
    for (;;) {
      const frame = stack[stack.length - 1]
      skip()
      if (frame === undefined) return at < text.length ? fail("text after the value") : { _tag: "Value", value }
      if (frame.members === undefined) frame.items.push(value)
      else frame.members.push([frame.key, value])
      const next = text.charCodeAt(at)
      if (next === 44) {
        at++
        if (frame.members !== undefined && !readKey(frame)) return fail("expected a key")
        break
      }
      if (next !== (frame.members === undefined ? 93 : 125)) return fail("expected a comma or the end")
      at++
      stack.pop()
      value = frame.members === undefined ? frame.items : object(frame.members)
    }
  }
}
