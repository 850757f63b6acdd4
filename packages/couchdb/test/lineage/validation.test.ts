import { assert, describe, it } from "@effect/vitest"
import { Lineage } from "effect-couchdb"

type Validation = (newDoc: object, oldDoc: object | null, userCtx: { readonly roles: ReadonlyArray<string> }) => void

// As a server runs it: the text is all that it has.
const validate = new Function(`return ${Lineage.validation("resolver")}`)() as Validation

const takes = (newDoc: object, oldDoc: object | null = null, roles: ReadonlyArray<string> = []): boolean => {
  try {
    validate(newDoc, oldDoc, { roles })
    return true
  } catch (refusal) {
    assert.include((refusal as { readonly forbidden: string }).forbidden, "resolver")
    return false
  }
}

const standing = { _id: "one", lineage: { kind: "edit", also: [] } }

describe("the validation function", () => {
  it("takes edits and deletions from everybody, and merges and burials from resolvers and admins", () => {
    for (const kind of ["edit", "delete"]) assert.isTrue(takes({ lineage: { kind, also: [] } }, standing))
    assert.isTrue(takes({}, standing))
    for (const kind of ["merge", "burial"]) {
      const doc = { lineage: { kind, also: [] } }
      assert.isFalse(takes(doc, standing))
      assert.isFalse(takes(doc, null, ["reader"]))
      assert.isTrue(takes(doc, standing, ["resolver"]))
      assert.isTrue(takes(doc, standing, ["_admin"]))
    }
  })

  it("refuses an edit that claims to contain other versions, unless it re-creates a deleted document", () => {
    const edit = { lineage: { kind: "edit", also: ["2-b"] } }
    assert.isFalse(takes(edit, standing))
    assert.isTrue(takes(edit, standing, ["resolver"]))
    assert.isTrue(takes(edit, { ...standing, _deleted: true }))
    assert.isTrue(takes(edit, null))
  })

  it("lets a record pass that is carried along as it was read", () => {
    const merged = { lineage: { kind: "merge", also: ["2-b"] } }
    assert.isTrue(takes({ ...merged, changed: true }, merged))
    assert.isFalse(takes({ lineage: { kind: "merge", also: ["2-c"] } }, merged))
  })
})
