import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { read } from "../../src/documents/multipartReader.js"

const document = (length: number): string =>
  `--b\r\nContent-Type: application/json\r\n\r\n{"_attachments":{"a":{"follows":true,"length":${length}}}}\r\n--b`

const parse = (body: string) => read("multipart/related; boundary=b", body)

/** The bytes of the only attachment, as text. */
const bytesOf = (body: string): string | undefined =>
  Either.match(parse(body), {
    onLeft: () => undefined,
    onRight: ({ attachments: [attachment] }) =>
      attachment?._tag === "Data" ? new TextDecoder().decode(attachment.data) : undefined
  })

// A real CouchDB 3.5 stores each of these bodies.
describe("multipartReader.read accepts what CouchDB accepts", () => {
  it("reads a body with all boundaries", () => {
    assert.strictEqual(bytesOf(`${document(3)}\r\n\r\nabc\r\n--b--`), "abc")
  })

  it("finds the first boundary in the middle of a line", () => {
    assert.strictEqual(bytesOf(`xx${document(3)}\r\n\r\nabc\r\n--b--`), "abc")
  })

  it("reads the last part to the end of a body without a closing boundary", () => {
    assert.strictEqual(bytesOf(`${document(3)}\r\n\r\nabc`), "abc")
  })

  it("reads an empty part whose headers end at a boundary", () => {
    assert.strictEqual(bytesOf(`${document(0)}\r\n\r\n--b--`), "")
  })

  it("rejects an attachment with fewer bytes than announced", () => {
    const result = parse(`${document(4)}\r\n\r\nabc\r\n--b--`)
    assert.strictEqual(Either.isLeft(result) && result.left.reason, "attachment shorter than expected")
  })
})
