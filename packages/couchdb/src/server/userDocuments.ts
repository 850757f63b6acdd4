import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { loneSurrogate } from "../data/path.js"
import { EncodeError } from "../document/errors.js"
import { conflictBackoff } from "../http/backoff.js"
import { conflictOfCreation } from "../http/conflictMapping.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import { decodeJson } from "../http/decodeResponse.js"
import { type NotFoundError, type RequestError } from "../http/errors.js"
import { executeDecoded } from "../http/executeDecoded.js"
import * as Transport from "../http/Transport.js"
import { verifyWritten } from "../http/verification.js"
import type { UserFailure } from "./User.js"

const database = "_users"

const prefix = "org.couchdb.user:"

export const User = Schema.Struct({
  name: Schema.String,
  roles: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
})

const request = (
  name: string,
  method: CouchRequest["method"],
  more?: Pick<CouchRequest, "body"> & { readonly rev?: string }
): Effect.Effect<CouchRequest, InvalidIdError> => {
  if (name === "" || Json.hasLoneSurrogate(name)) {
    return Effect.fail(
      new InvalidIdError({ kind: "user", value: name, problem: name === "" ? "is empty" : loneSurrogate })
    )
  }
  return Effect.succeed({
    method,
    path: `/_users/${encodeURIComponent(prefix + name)}${more?.rev === undefined ? "" : `?rev=${more.rev}`}`,
    route: "/{db}/{docid}",
    database,
    id: prefix + name,
    ...(more?.body !== undefined && { body: more.body })
  })
}

/** Writes a user document, and verifies that the response contains its revision. */
const send = (request: CouchRequest) =>
  Effect.flatMap(CouchHttp, (couch) => couch.execute({ ...request, verify: verifyWritten(request.id) }))

type User = typeof User.Type

const decodeUser = decodeJson(User)

/** The user, and the exact document with all its other members. */
const read = (name: string) =>
  Effect.gen(function*() {
    const userRequest = yield* request(name, "GET")
    const couch = yield* CouchHttp
    return yield* conflictAsBadRequest(executeDecoded(couch, userRequest, (response) =>
      Either.flatMap(decodeUser(response), (user) => {
        const json = Json.parse(Transport.text(response))
        return Either.isRight(json) && Json.isObject(json.right)
          ? Either.right({ user, document: json.right })
          : Either.left("the response is not a document")
      })))
  })

export const fetch = (
  name: string
): Effect.Effect<User, InvalidIdError | NotFoundError | RequestError, CouchHttp> =>
  Effect.map(read(name), ({ user }) => user)

export const fetchOption = (name: string) =>
  fetch(name).pipe(
    Effect.asSome,
    Effect.catchIf(
      (error) => error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted"),
      () => Effect.succeedNone
    )
  )

const write = (name: string, document: Json.JsonObject) =>
  Effect.flatMap(request(name, "PUT", { body: Json.stringify(document) }), send)

export const create = (
  name: string,
  password: Redacted.Redacted,
  options?: {
    readonly roles?: ReadonlyArray<string> | undefined
    readonly members?: Readonly<Record<string, unknown>> | undefined
  }
): Effect.Effect<User, UserFailure, CouchHttp> =>
  Effect.suspend(() => {
    const roles = options?.roles ?? []
    return Either.match(Json.fromUnknown(options?.members ?? {}), {
      onLeft: ({ path, problem }): Effect.Effect<User, UserFailure, CouchHttp> =>
        Effect.fail(new EncodeError({ database, id: prefix + name, issues: [{ path, expected: problem }] })),
      onRight: (members): Effect.Effect<User, UserFailure, CouchHttp> =>
        Effect.as(
          Effect.flatMap(
            request(name, "PUT", {
              body: Json.stringify(Json.fromEntries([
                ...(Json.isObject(members) ? Json.entries(members) : []),
                ["name", name],
                ["type", "user"],
                ["roles", roles],
                ["password", Redacted.value(password)]
              ]))
            }),
            (userRequest) => conflictOfCreation(send(userRequest))
          ),
          { name, roles }
        )
    })
  })

/** The maximum number of retries after a conflict. */
const maxRetries = 5

const retryConflicts = <A, R>(effect: Effect.Effect<A, UserFailure, R>): Effect.Effect<A, UserFailure, R> =>
  Effect.retry(effect, { schedule: conflictBackoff(maxRetries), while: ({ _tag }) => _tag === "UpdateConflictError" })

const withMember = (document: Json.JsonObject, name: string, value: Json.Json): Json.JsonObject =>
  Json.fromEntries([...Json.entries(document).filter(([key]) => key !== name), [name, value]])

export const changePassword = (
  name: string,
  password: Redacted.Redacted
): Effect.Effect<void, UserFailure, CouchHttp> =>
  retryConflicts(Effect.asVoid(
    Effect.flatMap(
      read(name),
      ({ document }) => write(name, withMember(document, "password", Redacted.value(password)))
    )
  ))

export const updateRoles = (
  name: string,
  f: (roles: ReadonlyArray<string>) => ReadonlyArray<string>
): Effect.Effect<User, UserFailure, CouchHttp> =>
  retryConflicts(Effect.flatMap(read(name), ({ document, user }): Effect.Effect<User, UserFailure, CouchHttp> => {
    const roles = f(user.roles)
    return Json.equals([...roles], [...user.roles])
      ? Effect.succeed(user)
      : Effect.as(write(name, withMember(document, "roles", [...roles])), { ...user, roles })
  }))

export const remove = (name: string): Effect.Effect<void, UserFailure, CouchHttp> =>
  retryConflicts(Effect.flatMap(read(name), ({ document }) => {
    const rev = Json.get(document, "_rev")
    return Effect.flatMap(
      request(name, "DELETE", typeof rev === "string" ? { rev: encodeURIComponent(rev) } : undefined),
      (userRequest) => Effect.asVoid(send(userRequest))
    )
  }))
