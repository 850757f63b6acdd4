import * as Json from "../data/Json.js"

const ofEncoding = new Set(["encoding", "encoded_length", "follows", "data"])

/** Stubs as a plain read of the document returns them. */
export const plainStubs = (stubs: Json.JsonObject): Json.JsonObject =>
  Json.fromEntries(
    Json.entries(stubs).map(([name, stub]) => {
      if (!Json.isObject(stub)) return [name, stub]
      const members = Json.entries(stub).filter(([key]) => !ofEncoding.has(key))
      return [name, Json.fromEntries(Json.has(stub, "stub") ? members : [...members, ["stub", true]])]
    })
  )
