import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, crashRefs, internalError, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import type { CheckedReply, Context } from "./context.js"
import { byMethod } from "./context.js"
import * as Session from "./session.js"
import { handlers } from "./tokenAndProxy.js"
import { account, login } from "./users.js"

const get = ({ authenticated, request, server, user }: Context): CheckedReply =>
  user.name === null && Req.param(request, "basic") === "true"
    ? refuse(401, "unauthorized", "Please login.")
    : Either.right(Response.json(200, {
      ok: true,
      userCtx: { name: user.name, roles: user.roles },
      info: {
        authentication_handlers: handlers(server),
        ...(authenticated === undefined ? undefined : { authenticated })
      }
    }))

type Form = ReadonlyMap<string, string>

const jsonForm = (request: Req.Request): Checked<Form> =>
  Either.flatMap(Req.json(request, Req.dataError(crashRefs.sessionBody)), (body) => {
    if (!Json.isObject(body)) {
      return internalError(Json.isArray(body) && body.length === 0 ? "" : print(body), "badmatch")
    }
    const form = new Map<string, string>()
    for (const [name, value] of Json.entries(body)) {
      if (typeof value !== "string") return internalError("badarg")
      form.set(name, value)
    }
    return Either.right(form)
  })

const urlForm = ({ body }: Req.Request): Form => {
  const text = typeof body === "string" ? body : Utf8.decode(body ?? new Uint8Array(0)) ?? ""
  // The first of several values is used.
  return new Map(Array.from(new URLSearchParams(text)).reverse())
}

const formOf = (request: Req.Request): Checked<Form> => {
  const type = Req.header(request, "content-type") ?? ""
  if (type.startsWith("application/x-www-form-urlencoded")) return Either.right(urlForm(request))
  return type.startsWith("application/json") ? jsonForm(request) : refuse(
    415,
    "bad_content_type",
    "Content-Type must be 'application/x-www-form-urlencoded' or 'application/json'"
  )
}

const nameOf = (form: Form): Checked<string> => {
  const name = form.get("name")
  const username = form.get("username") ?? name
  if (username === undefined) return badRequest("request body must contain a username")
  return name === undefined || name === username
    ? Either.right(username)
    : badRequest("request body contains different usernames")
}

/** Responds with a cookie, or with a redirect if the query names a target. */
const respond = (
  { request }: Context,
  cookie: string,
  targetParam: "next" | "fail" | undefined,
  status: number,
  body: Json.JsonObject
): CheckedReply => {
  const target = targetParam === undefined ? undefined : Req.param(request, targetParam)
  if (target === undefined) return Either.right(Response.json(status, body, { "set-cookie": cookie }))
  return target.startsWith("/")
    ? Either.right(Response.json(302, body, { "set-cookie": cookie, "location": request.origin + target }))
    : badRequest("path must begin with a /.")
}

const post = (context: Context): CheckedReply =>
  Either.gen(function*() {
    const { now, request, server } = context
    const form = yield* formOf(request)
    const name = yield* nameOf(form)
    const known = login(server, name, form.get("password") ?? "")
    if (Either.isLeft(known)) {
      const { error, reason, status } = known.left
      return yield* respond(context, Session.clear(now), "fail", status, { error, reason })
    }
    const cookie = Session.create(server, name, account(server, name)?.salt ?? "", now)
    return yield* respond(context, cookie, "next", 200, { ok: true, name, roles: known.right.roles })
  })

/** `/_session` */
export const handle = (context: Context): CheckedReply =>
  byMethod(context, {
    GET: () => get(context),
    POST: () => post(context),
    DELETE: () => respond(context, Session.clear(context.now), "next", 200, { ok: true })
  }, "GET,HEAD,POST,DELETE")
