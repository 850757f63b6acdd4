import { assert, describe, it } from "@effect/vitest"
import { Collection, CouchHttp, Database, Document, Json, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { documentIn, toDocument } from "../../src/rows/document.js"
import { firstInexactByte } from "../../src/rows/precisionScan.js"
import { type End, RowReader } from "../../src/rows/reader.js"
import { exact, member, type Row, textRow } from "../../src/rows/row.js"
import * as Rows from "../../src/rows/stream.js"
import { json } from "../arbitraries.js"
import { runs } from "../support/deep.js"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The rows and the end of an answer that comes in these pieces. */
const readPieces = (
  array: string | undefined,
  pieces: ReadonlyArray<Uint8Array>
): { readonly rows: ReadonlyArray<string>; readonly end: End } => {
  const reader = new RowReader(array)
  const out: Array<Row> = []
  for (const piece of pieces) reader.push(piece, out)
  const end = reader.end(out)
  return { rows: out.map((row) => row.text ?? JSON.stringify(row.json)), end }
}

const same = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.map((text) => Json.stringify(Either.getOrThrow(Json.parse(text))))

/** The text with white space wherever JSON allows it. */
const spaced = (text: string, spaces: ReadonlyArray<string>): string => {
  let out = ""
  let inString = false
  let turn = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    if (inString) {
      out += c
      if (c === "\\") out += text.charAt(++i)
      else if (c === "\"") inString = false
      continue
    }
    const space = "{}[],:".includes(c) ? spaces[turn++ % spaces.length] ?? "" : ""
    out += space + c + space
    if (c === "\"") inString = true
  }
  return out
}

interface Layout {
  readonly head: string
  readonly between: string
  readonly tail: string
}

const layouts: Record<string, Layout> = {
  view: { head: `{"total_rows":3,"offset":0,"rows":[\r\n`, between: ",\r\n", tail: "\r\n]}\n" },
  changes: { head: `{"rows":[\n`, between: ",\r\n", tail: `\n],\n"last_seq":"3-é","pending":0}\n` },
  find: {
    head: `{"rows":[\r\n`,
    between: ",\r\n",
    tail: `\r\n],\r\n"bookmark": "nil",\r\n"execution_stats": {"rows":[1,{"a":"]"}]},\r\n"warning": "a ] \\" } b"}\r\n`
  },
  oneLine: { head: `{"rows": [`, between: ",", tail: "]}" },
  commaFirst: { head: `{"rows":[\n`, between: "\n,", tail: "\n]\n}" },
  heartbeats: { head: `{"rows":[\n\n\n`, between: ",\r\n\n\n", tail: "\n\n\n]}" },
  otherArrays: {
    head: `{"x":[[1],{"rows":[0]}],"a\\"rows":[2],"r":"\\\\","rows":[`,
    between: " , ",
    tail: "],\"y\":[3]}"
  }
}

const layout = FastCheck.constantFrom(...Object.entries(layouts))

const around = (text: string) => Either.getOrThrow(Json.parse(text))

const cutAt = (whole: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length]
  return places.slice(1).map((place, i) => whole.slice(places[i], place))
}

const value = FastCheck.oneof(
  json,
  json,
  FastCheck.constantFrom<Json.Json>(
    { error: "conflict", reason: "a row that only looks like an error" },
    "brackets ]}{[, \" and \\ in a string",
    "🦋 é \u2028",
    { rows: [{ rows: ["]"] }] }
  )
)

describe("where JSON.parse may lose something", () => {
  it.prop(
    "is found before it is parsed, at any offset of its buffer",
    [
      value,
      FastCheck.nat({ max: 7 }),
      FastCheck.array(FastCheck.constantFrom("", " ", "\n"), { minLength: 1, maxLength: 3 })
    ],
    ([one, offset, spaces]) => {
      const text = spaced(Json.stringify(one), spaces)
      const whole = bytes(" ".repeat(offset) + text)
      const doubt = firstInexactByte(whole, offset, whole.length)
      if (doubt < whole.length || text.includes("\\u") || text.includes("__proto__")) return
      assert.strictEqual(JSON.stringify(JSON.parse(text)), Json.stringify(one))
      assert.strictEqual(firstInexactByte(whole.subarray(offset), 0, whole.length - offset), whole.length - offset)
    },
    runs(500, 20_000)
  )

  it("numbers with other digits than JavaScript writes, keys that it moves, and nothing else", () => {
    const foreign = [
      "1.0",
      "-1.50",
      "0.0",
      "-0",
      "1e3",
      "1E-3",
      "12345678901234567890",
      "0.1234567890123456",
      "0.0000001",
      "-0.00000012",
      "1234567890123456"
    ]
    const native = ["0", "-1", "10", "100.5", "-0.5", "0.000001", "123456789012345", "0.1", "1.01"]
    for (const place of [(n: string) => n, (n: string) => `[true, ${n}]`, (n: string) => `{"a":${n},"b":"c"}`]) {
      for (let offset = 0; offset < 4; offset++) {
        const doubted = (text: string): boolean => {
          const all = bytes("x".repeat(offset) + text)
          return firstInexactByte(all, offset, all.length) < all.length
        }
        for (const n of foreign) assert.isTrue(doubted(place(n)), n)
        for (const n of native) assert.isFalse(doubted(place(n)), n)
        assert.isTrue(doubted(`{"a":1,"10":2}`))
        assert.isTrue(doubted(`{"0" \n: 2}`))
        assert.isFalse(doubted(`{"a":"1-0e10","0x":"10","b":["7"],"12345678901":1}`))
      }
    }
  })
})

describe("rows", () => {
  it("keep their text only where it says more than was parsed", () => {
    const texts = [
      `{"a":1}`,
      `{"a":1.0}`,
      `{"a":"é"}`,
      `{"b":1,"10":2}`,
      `{"a":"\\u00e9"}`,
      `{"__proto__":1}`,
      `{"a":2}`
    ]
    for (const cuts of [[], [20], [30, 31]]) {
      const reader = new RowReader("rows")
      const out: Array<Row> = []
      for (const piece of cutAt(bytes(`{"rows":[\n${texts.join(",\n")}\n]}`), cuts)) reader.push(piece, out)
      assert.strictEqual(reader.end(out)._tag, "Whole")
      assert.deepEqual(out.map(({ text }) => text !== undefined), [false, true, false, true, true, true, false])
      assert.deepEqual(out.map((row) => Json.stringify(exact(row))), texts.map((text) => text.replace("\\u00e9", "é")))
    }
  })

  it("come out of one large piece as they come out of small ones", () => {
    const texts = Array.from(
      { length: 4_000 },
      (_, i) =>
        i % 700 === 0
          ? `{"n":${i}.0}`
          : i === 2_000
          ? JSON.stringify({ long: "é".repeat(100_000) })
          : `{"n":${i},"s":"${"x".repeat(i % 90)}"}`
    )
    for (const array of ["rows", undefined]) {
      const whole = bytes(array === undefined ? `${texts.join("\n")}\n` : `{"rows":[\n${texts.join(",\n")}\n]}`)
      for (const size of [whole.length, 1 << 18, 70_001, 1 << 12]) {
        const pieces = Array.from(
          { length: Math.ceil(whole.length / size) },
          (_, i) => whole.slice(i * size, (i + 1) * size)
        )
        const { end, rows } = readPieces(array, pieces)
        assert.strictEqual(end._tag, "Whole")
        assert.isTrue(rows.length === texts.length && rows.every((row, i) => row === texts[i]))
      }
    }
  })

  it("on lines that are not objects one by one are not rows together", () => {
    for (const body of [`{"a":[{}\n{}]}\n`, `{"a":1},{"b":2}\n{"c":3}\n`, `{"a":1\n"b":2}\n`]) {
      assert.notStrictEqual(readPieces(undefined, [bytes(body)]).end._tag, "Whole", body)
    }
  })

  it.prop(
    "any rows in any layout and any pieces are the same rows",
    [
      FastCheck.array(value, { maxLength: 6 }),
      layout,
      FastCheck.array(FastCheck.nat(), { maxLength: 8 }),
      FastCheck.array(FastCheck.constantFrom("", "", " ", "\n", "\r\n", "\t "), { minLength: 1, maxLength: 5 }),
      FastCheck.boolean()
    ],
    ([values, [, { between, head, tail }], cuts, spaces, spread]) => {
      const texts = values.map(Json.stringify)
      const answer = head + texts.join(between) + tail
      const whole = bytes(spread ? spaced(answer, spaces) : answer)
      const { end, rows } = readPieces("rows", cutAt(whole, cuts))
      assert.deepEqual(same(rows), texts)
      assert.strictEqual(end._tag, "Whole")
      if (end._tag === "Whole") assert.isTrue(Json.equals(around(end.around), around(head + tail)))
    },
    runs(500, 20_000)
  )

  it("cut in two at every byte, and into single bytes, an answer stays the same", () => {
    const texts = [
      `{"id":"é🦋","v":"],}\\"\\\\"}`,
      `{"error":"x","reason":"y"}`,
      "12",
      "[[\"]\"],{}]",
      "\"\\u0022]\"",
      "null"
    ]
    for (const { between, head, tail } of Object.values(layouts)) {
      const whole = bytes(head + texts.join(between) + tail)
      const all = Array.from(whole, (_, i) => i)
      for (const cuts of [...all.map((i) => [i]), all]) {
        const { end, rows } = readPieces("rows", cutAt(whole, cuts))
        assert.deepEqual(rows, texts)
        assert.strictEqual(end._tag, "Whole")
      }
    }
  })

  it("an answer that breaks off anywhere is never whole, and its rows are the first ones", () => {
    const texts = [`{"id":"a","n":1}`, `{"id":"b"}`, `{"error":"x","reason":"y","id":"c"}`, `{"id":"d"}`]
    for (const { between, head, tail } of Object.values(layouts)) {
      const whole = bytes((head + texts.join(between) + tail).trimEnd())
      for (let length = 0; length < whole.length; length++) {
        const { end, rows } = readPieces("rows", [whole.slice(0, length)])
        assert.include(["Cut", "Refused"], end._tag)
        assert.deepEqual(rows, texts.slice(0, rows.length))
      }
    }
  })

  it("an error after any number of rows, or instead of what follows them, is that error", () => {
    const texts = [`{"id":"a"}`, `{"id":"b"}`, `{"id":"c"}`]
    const late = `\n{"code":500,"error":"timeout","reason":"The request could not be processed"}\n`
    for (const { between, head, tail } of Object.values(layouts)) {
      const firstOfTail = tail.slice(0, tail.indexOf("]") + 1)
      const answers = [
        ...texts.map((_, count) => [head + texts.slice(0, count).join(between) + late, count] as const),
        ...texts.map((_, count) =>
          [head + texts.slice(0, count + 1).join(between) + between + late, count + 1] as const
        ),
        [head + texts.join(between) + firstOfTail + late, 3] as const,
        [head + texts.join(between) + firstOfTail + "," + late, 3] as const,
        [head + texts.join(between) + tail + late, 3] as const,
        [late.trim(), 0] as const
      ]
      for (const [answer, count] of answers) {
        for (const cut of [0, 7, answer.length - 5]) {
          const { end, rows } = readPieces("rows", cutAt(bytes(answer), [cut]))
          assert.deepEqual(rows, texts.slice(0, count))
          assert.strictEqual(end._tag, "Refused", answer)
          if (end._tag === "Refused") assert.strictEqual((end.error as { readonly code: number }).code, 500)
        }
      }
    }
  })

  it("what is no answer with rows is said to be none", () => {
    for (
      const answer of [
        "<html></html>",
        "[1]",
        `{"ok":true}`,
        `{"rows":{}}`,
        `{"rows":[1,,2]}`,
        `{"rows":[1 2]}`,
        `{"rows":[1,]}`,
        `{"rows":[,1]}`,
        `{"rows":[tru]}`,
        `{"rows":[1]}{}`,
        `{"rows":[\n1\n2\n]}`
      ]
    ) {
      assert.strictEqual(readPieces("rows", [bytes(answer)]).end._tag, "Unexpected", answer)
    }
  })

  it.prop("a sequence of values in any pieces", [
    FastCheck.array(value, { maxLength: 6 }),
    FastCheck.array(FastCheck.nat(), { maxLength: 8 }),
    FastCheck.constantFrom("\n", "\r\n", "\n\n\n", "\n \n")
  ], ([values, cuts, between]) => {
    const texts = values.map(Json.stringify)
    const { end, rows } = readPieces(undefined, cutAt(bytes(texts.map((text) => text + between).join("")), cuts))
    const last = values[values.length - 1]
    if (end._tag === "Refused") assert.isTrue(Json.isObject(last) && Json.has(last, "error"))
    else assert.strictEqual(end._tag, "Whole")
    assert.deepEqual(same(rows), end._tag === "Refused" ? texts.slice(0, -1) : texts)
  }, runs(300, 10_000))

  it("a sequence that breaks off inside a line is cut", () => {
    assert.deepEqual(readPieces(undefined, [bytes(`{"a":1}\n{"b"`)]), { rows: [`{"a":1}`], end: { _tag: "Cut" } })
    assert.strictEqual(readPieces(undefined, [bytes(`{"a":1},\n{"b":2}\n`)]).end._tag, "Unexpected")
  })

  it("a row that is longer than a line should be is read without waiting for its end of line", () => {
    const long = JSON.stringify({ id: "x".repeat(3 << 20) })
    const whole = bytes(`{"rows":[\n${long},\n${long}\n]}`)
    const cuts = Array.from({ length: 100 }, (_, i) => i * 65_536)
    const { end, rows } = readPieces("rows", cutAt(whole, cuts))
    assert.deepEqual(rows.map((row) => row === long), [true, true])
    assert.strictEqual(end._tag, "Whole")
  })
})

const request: CouchHttp.CouchRequest = { method: "GET", path: "/zoo/_all_docs", route: "/{db}/_all_docs" }

/** A CouchHttp that answers with these pieces, and tells what was taken of them and whether it was closed. */
const answering = (pieces: Stream.Stream<Uint8Array>) =>
  Effect.gen(function*() {
    const taken = yield* Ref.make(0)
    const closed = yield* Ref.make(false)
    const transport: Transport.Service = {
      request: () => Effect.dieMessage("not asked for"),
      stream: () =>
        Effect.acquireRelease(
          Effect.succeed({
            status: 200,
            headers: {},
            body: Stream.tap(pieces, () => Ref.update(taken, (n) => n + 1))
          }),
          () => Ref.set(closed, true)
        )
    }
    const layer = CouchHttp.layer({ url: "http://nowhere" }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, transport))
    )
    return { taken, closed, layer }
  })

describe("a stream of rows", () => {
  it.effect("pulls no more than is asked for, and closes the request when it is left", () =>
    Effect.gen(function*() {
      const pieces = Stream.concat(
        Stream.make(bytes(`{"rows":[\n`)),
        Stream.map(Stream.iterate(0, (n) => n + 1), (n) => bytes(`${n},\n`))
      ).pipe(Stream.rechunk(1))
      const { closed, layer, taken } = yield* answering(pieces)
      const rows = yield* Rows.stream(request, "rows").pipe(
        Stream.take(3),
        Stream.runCollect,
        Effect.provide(layer)
      )
      assert.deepEqual(Chunk.toReadonlyArray(rows).map(({ json }) => json), [0, 1, 2])
      assert.strictEqual(yield* Ref.get(taken), 4)
      assert.isTrue(yield* Ref.get(closed))
    }))

  it.effect("gives a chunk of rows for each piece", () =>
    Effect.gen(function*() {
      const { layer } = yield* answering(
        Stream.make(bytes(`{"rows":[\n1,\n2,\n`), bytes("3,\n4\n]}")).pipe(Stream.rechunk(1))
      )
      const chunks = yield* Rows.stream(request, "rows").pipe(Stream.chunks, Stream.runCollect, Effect.provide(layer))
      assert.deepEqual(Chunk.toReadonlyArray(chunks).map((chunk) => chunk.length), [2, 2])
    }))

  it.scoped("knows at its end what surrounds the rows", () =>
    Effect.gen(function*() {
      const { layer } = yield* answering(Stream.make(bytes(`{"docs":[\r\n1\r\n],"bookmark":"b","big":1.0}`)))
      const answer = yield* Effect.provide(Rows.open(request, "docs"), layer)
      yield* Stream.runDrain(answer.rows)
      assert.strictEqual(Json.stringify(yield* answer.around), `{"docs":[],"bookmark":"b","big":1.0}`)
    }))

  it.effect("fails the wait for the members around rows that no consumer reads", () =>
    Effect.gen(function*() {
      const { layer } = yield* answering(Stream.make(bytes(`{"docs":[]}`)))
      const around = yield* Effect.scoped(
        Effect.map(Rows.open(request, "docs"), (answer) => answer.around)
      ).pipe(Effect.provide(layer))
      assert.strictEqual((yield* Effect.flip(around))._tag, "TransportError")
    }))

  for (
    const [name, body, tag, count] of [
      ["breaks off", `{"rows":[\n1,\n2\n`, "TransportError", 2],
      ["says an error late", `{"rows":[\n1\n{"code":500,"error":"x","reason":"y"}\n`, "ServerError", 1],
      [
        "says that its database is gone",
        `{"rows":[\n1\n{"code":404,"error":"not_found","reason":"y"}\n`,
        "NotFoundError",
        1
      ],
      ["says an error without a code", `{"error":"x","reason":"y"}`, "ServerError", 0],
      ["is a page of a proxy", "<html>", "UnexpectedResponseError", 0]
    ] as const
  ) {
    it.effect(`a response that ${name} fails after its rows with ${tag}`, () =>
      Effect.gen(function*() {
        const { layer } = yield* answering(Stream.make(bytes(body)))
        const seen = yield* Ref.make(0)
        const exit = yield* Rows.stream(request, "rows").pipe(
          Stream.runForEach(() => Ref.update(seen, (n) => n + 1)),
          Effect.provide(layer),
          Effect.either
        )
        assert.strictEqual(Either.isLeft(exit) ? exit.left._tag : "none", tag)
        assert.strictEqual(yield* Ref.get(seen), count)
      }))
  }

  it.effect("a document in a row is the document that a fetch gives, raw to the digit", () =>
    Effect.gen(function*() {
      yield* Database.create("zoo")
      const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
      const couch = yield* CouchHttp.CouchHttp
      const stored = `{"name":"é","n":1.0,"big":12345678901234567890,"b":1,"10":{"__proto__":2},` +
        `"_attachments":{"a":{"content_type":"text/plain","data":"aGk="}}}`
      yield* couch.execute({ method: "PUT", path: "/zoo/monarch", route: "/{db}/{docid}", body: stored })
      const fetched = yield* Document.fetch(butterflies, "monarch")
      const { rows } = yield* Rows.collect({ ...request, path: "/zoo/_all_docs?include_docs=true" }, "rows")
      const read = Option.flatMap(Option.fromNullable(rows[0]), (row) =>
        documentIn(row, member(row.json, "doc"), ["doc"]))
      const inRow = yield* toDocument(butterflies, yield* read)
      const baseOf = (doc: typeof inRow) =>
        Option.map(doc.base, ({ body, raw, rev, stubs }) => [rev, body, Json.stringify(raw), stubs])
      assert.deepEqual(baseOf(inRow), baseOf(fetched))
      assert.deepEqual(inRow.attachments, fetched.attachments)
      assert.deepEqual([inRow.id, inRow.rev, inRow.body], [fetched.id, fetched.rev, fetched.body])
      assert.isFalse(Document.isDirty(inRow))
      const saved = yield* Document.save(Document.modify(inRow, () => ({ name: "ü" })))
      const again = yield* Document.fetch(butterflies, "monarch")
      assert.deepEqual(saved.rev, again.rev)
      assert.strictEqual(
        Json.stringify(Option.getOrThrow(again.base).raw),
        `{"name":"ü","n":1.0,"big":12345678901234567890,"b":1,"10":{"__proto__":2}}`
      )
    }).pipe(Effect.provide(
      CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer()))
    )))

  it.effect("a row without a document, or with one that was projected, has none", () =>
    Effect.sync(() => {
      for (const text of [`{"key":"a","error":"not_found"}`, `{"doc":null}`, `{"doc":{"name":"a"}}`, "1"]) {
        const row = textRow(text, JSON.parse(text))
        assert.isTrue(Option.isNone(documentIn(row, member(row.json, "doc"), ["doc"])))
      }
      const nested = `{"docs":[{"ok":{"_id":"a","_rev":"1-a","_deleted":true}}]}`
      const row = textRow(nested, JSON.parse(nested))
      const found = documentIn(row, JSON.parse(nested).docs[0].ok, ["docs", 0, "ok"])
      assert.isTrue(Exit.isSuccess(Effect.runSyncExit(found)) && Option.getOrThrow(found).deleted)
    }))
})
