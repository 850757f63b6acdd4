import { quote } from "../data/text.js"
import { type Endpoint, endpointOf } from "./endpoint.js"
import { type Explanation, type ResponseDetails } from "./errorMessage.js"
import type { TransportError } from "./errors.js"

type Rule = readonly [says: RegExp, problem: string, hint: string]

const credentials = "COUCHDB_USER and COUCHDB_PASSWORD, or Auth"

const asAdmin = `Use the credentials of a server admin (${credentials}): one of [admins] in CouchDB's configuration.`

const noUser = `No user was recognised: set user and password (${credentials}), or check the cookie or the token. ` +
  "In a browser, a session needs requests that include credentials (Auth.session)."

const admins = "Use the credentials of a server admin, or add the user or one of its roles to the admins in the" +
  " database's security object (Database.setSecurity)."

/**
 * Hints by `error: reason`, whatever the status: CouchDB reports some refusals of a user as a failure of the server.
 */
const rules: ReadonlyArray<Rule> = [
  [
    /You are not a server admin or read-only metrics user/,
    "this needs a server admin, or a user with the role _metrics",
    `Use the credentials of one (${credentials}).`
  ],
  [
    /You are not a server admin|Only _admin may (?:edit|set) roles|You may only update your own user document/,
    "this needs a server admin",
    asAdmin
  ],
  [
    /Only admins (?:can access _|may delete other user docs)|Only administrators can view|replication documents from other/,
    "this needs an admin of the database or of the server",
    asAdmin
  ],
  [
    /not a (?:db or server|server or db) admin|saving the design document: forbidden/,
    "this needs an admin of the database or of the server",
    admins
  ],
  [
    /^error: no_majority/,
    "the security object was not changed",
    `Only an admin of the database or of the server may change it. ${admins} ` +
    "If the user is an admin, too few nodes answered."
  ],
  [
    /unauthorized to access or create database/,
    "the server may not read the source or write to the target",
    "Check the credentials of both in the definition of the replication."
  ],
  [/not authorized to access this db/, "the database is not open to anonymous users", noUser],
  [
    /not allowed to access this db/,
    "the user is not a member of the database",
    "Add the user or one of its roles to the members in the database's security object (Database.setSecurity), or use" +
    " the credentials of a server admin. A new database is open to server admins only."
  ],
  [/not an authenticated user|Authentication required|Please login/, "this needs a user", noUser],
  [
    /Name or password is incorrect/,
    "user or password is wrong",
    `Check both (${credentials}). CouchDB locks an account for some minutes after several wrong passwords.`
  ],
  [
    /: (?:exp not in future|nbf not in past)/,
    "the token is not valid at this time",
    "Renew it: Auth.jwt takes an effect that provides tokens. Check the clocks of both machines, too."
  ],
  [
    /: (?:Token missing sub claim|Bad (?:HMAC|signature)|Malformed token|Unknown kid|\w+ \S+ (?:claim|header parameter))$/,
    "the server does not accept the token",
    "Check its claims, and [jwt_auth] and [jwt_keys] in CouchDB's configuration."
  ],
  [
    /User document conflicts must be resolved/,
    "the document of the user has conflicts, so that CouchDB does not use it",
    "Resolve them as a server admin (Conflict.resolve with a collection of _users)."
  ],
  [
    /edit the security object of the user database/,
    "CouchDB protects the security object of _users",
    "Set users_db_security_editable in [couchdb] of CouchDB's configuration to change it."
  ],
  [
    /local_endpoints_not_supported/,
    "source and target of a replication must be URLs",
    "Write them as http://host:port/database: a name alone is not enough."
  ],
  [
    /^partition_overflow:/,
    "the partition is full",
    "Use more partitions, or raise max_partition_size in [couchdb] of CouchDB's configuration."
  ],
  [
    /^no_usable_index:/,
    "no index covers the sort",
    "Create an index with the fields of the sort, in their order (Mango.createIndex), or leave out the sort."
  ],
  [
    /^(?:invalid_index|multiple_\w+_indexes):/,
    "the index that useIndex names does not exist, or does not fit the query",
    "Create it (Mango.createIndex), or leave out useIndex."
  ],
  [
    /^invalid_bookmark:/,
    "the bookmark does not belong to this query",
    "Leave it out to begin with the first page."
  ],
  [
    /Bad special document member/,
    "CouchDB reserves the names that begin with an underscore",
    "Rename the member. Id and revision are not part of a body: a document has them as `id` and `rev`."
  ],
  [
    /^illegal_docid: Only reserved/,
    "the id begins with an underscore, which CouchDB reserves",
    "Use another id. LocalDocument and DesignDocument write documents whose ids begin with one."
  ],
  [
    /must be of form partition:id|^illegal_partition:/,
    "the id does not name a partition",
    "In a partitioned database an id is the partition, a colon, and the rest."
  ],
  [
    /database is not partitioned/,
    "the database is not partitioned",
    "Leave out the partition, or create the database with { partitioned: true } (Database.create)."
  ],
  [
    /^query_parse_error: (?:Reduce is invalid|Invalid use of grouping)/,
    "the view has no reduce function",
    "Use View.make instead of View.reduced, or deploy the view with a reduce function."
  ],
  [/^query_parse_error:/, "CouchDB does not accept an option of the query", "The reason says which one."],
  [/^compilation_error:/, "a function does not compile", "Fix the function that the reason names."],
  [/^invalid_design_doc:/, "the design document is not valid", "Fix the member that the reason names."],
  [/^bad_request: Invalid rev format/, "a revision is not valid", "Send revisions as CouchDB returned them."],
  [/^method_not_allowed:/, "the endpoint does not accept this method", "The reason names those that it accepts."],
  [
    /^(?:not_implemented|index_not_implemented):/,
    "the server does not have this feature",
    "Check its version and its configuration."
  ],
  [
    /^timeout:/,
    "CouchDB needed too long",
    "Repeat the request later, or make it smaller."
  ],
  [
    /^write_quorum_not_met:/,
    "too few nodes stored the document",
    "It may still become stored: read it before you write it again."
  ],
  [
    /^service unavailable:/,
    "the server is overloaded, or in maintenance",
    "Repeat the request later."
  ],
  [/^insufficent_storage:/, "the server's disk is full", "Free disk space on the server."],
  [
    /^nodedown:/,
    "the node is not running, or not part of the cluster",
    "Check its name: Server.membership lists the nodes."
  ]
]

const explained = (said: ResponseDetails, problem: string, hint: string): Explanation => {
  const text = `${said.error}: ${said.reason}`
  const rule = rules.find(([says]) => says.test(text))
  return rule === undefined ? { problem, hint } : { problem: rule[1], hint: rule[2] }
}

const isWrite = ({ method, path }: ResponseDetails): boolean =>
  method === "PUT" || method === "DELETE" || method === "COPY" || /\/_(?:bulk_docs|update)\b/.test(path)

/** Explains the refusal of a document by a validation function or by CouchDB. */
const refused = (said: ResponseDetails): Explanation | undefined => {
  const { kind } = endpointOf(said)
  if (!isWrite(said)) return undefined
  switch (kind) {
    case "user":
      return {
        problem: "CouchDB does not accept this document of a user",
        hint: "Fix what the reason names. User.create writes one that CouchDB accepts."
      }
    case "replication document":
      return {
        problem: "CouchDB does not accept this document of a replication",
        hint: "Fix what the reason names. Replication.define writes one that CouchDB accepts."
      }
    case "document":
    case "design document":
    case "attachment":
      return {
        problem: "the server refused the document",
        hint: "The reason comes from a validation function (validate_doc_update of a design document), or from CouchDB."
      }
    default:
      return undefined
  }
}

export const unauthorized = (said: ResponseDetails, cookie: "hidden" | undefined): Explanation => {
  if (cookie === "hidden") {
    return {
      problem: "the login succeeded, but the server does not recognise the requests after it",
      hint: "A browser keeps the cookie of another origin only if requests include credentials: provide" +
        " FetchHttpClient.RequestInit with { credentials: \"include\" }, as Auth.session describes."
    }
  }
  // A HEAD has no reason.
  if (said.reason === "unknown") {
    return {
      problem: "no user was recognised, or the user lacks a permission",
      hint: `Check user and password (${credentials}), and the database's security object (Database.security).`
    }
  }
  const { hint, problem } = refused(said) ?? {
    problem: "the server does not accept the credentials",
    hint: `Check user and password (${credentials}).`
  }
  return explained(said, problem, hint)
}

export const forbidden = (said: ResponseDetails): Explanation => {
  const { hint, problem } = refused(said) ?? {
    problem: "the server forbids it",
    hint: "Check the database's security object (Database.security), and the server's configuration."
  }
  return explained(said, problem, hint)
}

export const badRequest = (said: ResponseDetails): Explanation =>
  said.status === 409
    ? { problem: "the request conflicts with what the server has", hint: "The reason says with what." }
    : explained(said, "the server does not accept the request", "The reason says which part of it.")

export const preconditionFailed = (said: ResponseDetails): Explanation =>
  said.error === "file_exists"
    ? { problem: "the database exists already", hint: "Database.ensure creates it only if it does not exist." }
    : explained(said, "a precondition of the request is not met", "The reason says which one.")

export const serverFailed = (said: ResponseDetails): Explanation =>
  explained(said, "the server failed", "See the server's log.")

export const tooLarge = ({ error }: ResponseDetails): Explanation => {
  const [what, option] = error === "attachment_too_large"
    ? ["the attachment", "max_attachment_size in [couchdb]"]
    : error === "document_too_large"
    ? ["the document", "max_document_size in [couchdb]"]
    : ["the request", "max_http_request_size in [chttpd]"]
  return { problem: `${what} is larger than CouchDB accepts`, hint: `Make it smaller, or raise ${option}.` }
}

const described = (endpoint: Endpoint): string => {
  switch (endpoint.kind) {
    case "user":
    case "attachment":
    case "view":
    case "filter":
    case "list function":
    case "show function":
    case "update function":
    case "search index":
    case "configuration option":
      return `the ${endpoint.kind} ${quote(endpoint.name)}`
    case "other":
    case "server":
    case "session":
    case "node":
      return "what the path names"
    default:
      return `the ${endpoint.kind}`
  }
}

const databaseMissing = (said: ResponseDetails, { kind }: Endpoint): Explanation =>
  said.path.startsWith("/_") && said.database === undefined && kind === "server"
    ? { problem: "the server does not have this endpoint", hint: "Check the path, and the server's version." }
    : kind === "database" && said.method === "DELETE"
    ? { problem: "the database does not exist", hint: "Nothing was deleted. Check its name, and COUCHDB_URL." }
    : {
      problem: "the database does not exist",
      hint: "Create it (Database.create, Database.ensure), or check its name and COUCHDB_URL."
    }

/** The names of attachments, as a sentence. */
const listOf = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? "It has no attachments."
    : `It has ${names.slice(0, 20).map(quote).join(", ")}${names.length > 20 ? `, and ${names.length - 20} more` : ""}.`

export const notFound = (
  said: ResponseDetails & {
    readonly operation?: string | undefined
    readonly attachments?: ReadonlyArray<string> | undefined
  }
): Explanation => {
  const { error, reason } = said
  const at = endpointOf(said)
  if (reason === "Database does not exist.") return databaseMissing(said, at)
  const problem = `${described(at)} ${reason === "deleted" ? "was deleted" : "does not exist"}`
  if (said.method === "DELETE" && at.kind !== "database") return { problem, hint: "There is nothing to delete." }
  switch (at.kind) {
    case "document": {
      if (said.operation === "update") {
        return { problem, hint: "Use Document.upsert to create it if it does not exist." }
      }
      if (/[?&]rev=/.test(said.path) && said.method === "GET") {
        return {
          problem: reason === "deleted" ? problem : "the document, or this revision of it, is not stored",
          hint: "Compaction removes the bodies of old revisions. Document.fetch without `rev` reads the current one."
        }
      }
      if (said.method === "COPY") return { problem, hint: "There is nothing to copy." }
      if (said.method === "PUT") {
        return { problem, hint: "Nothing was written. Read it again with Document.fetchOption." }
      }
      return reason === "unknown"
        ? {
          problem: "the document, or its database, does not exist",
          hint: "Use Document.exists if it may not exist, and check the name of the database."
        }
        : { problem, hint: "Use Document.fetchOption if it may not exist, or Document.upsert to create it." }
    }
    case "local document":
      return { problem, hint: "Use LocalDocument.fetchOption if it may not exist." }
    case "user":
      return {
        problem,
        hint: "Use User.fetchOption if it may not exist. CouchDB shows other users to server admins only."
      }
    case "replication document":
      return { problem, hint: "Replication.define creates it. The server's scheduler needs a moment to see a new one." }
    case "replication":
      return error === "db_not_found"
        ? {
          problem: "the source or the target of the replication does not exist",
          hint: "Check their names and URLs, or let the replication create the target (createTarget)."
        }
        : { problem: "no such replication is running", hint: "Replication.jobs lists those that are." }
    case "attachment":
      return reason === "Document is missing attachment" || reason === "unknown"
        ? {
          problem: reason === "unknown"
            ? `the attachment ${quote(at.name)}, or its document, does not exist`
            : `the document has no attachment ${quote(at.name)}`,
          hint: said.attachments === undefined
            ? "The keys of `attachments` of the document are the names of its attachments (Document.fetch)."
            : listOf(said.attachments)
        }
        : { problem: `the document ${reason === "deleted" ? "was deleted" : "does not exist"}`, hint: "Check its id." }
    case "design document":
      return { problem, hint: "Deploy it (DesignDocument.deploy), or check its name." }
    case "view":
    case "filter":
    case "list function":
    case "show function":
    case "update function":
    case "search index":
      return reason === "missing" || reason === "deleted"
        ? {
          problem: `the design document ${quote(`_design/${at.design}`)} ${
            reason === "deleted" ? "was deleted" : "does not exist"
          }`,
          hint: "Deploy it (DesignDocument.deploy), or check its name."
        }
        : {
          problem: `the design document ${quote(`_design/${at.design}`)} has no ${at.kind} ${quote(at.name)}`,
          hint: `Deploy it with this ${at.kind} (DesignDocument.deploy), or check the name.`
        }
    case "rewrite rule":
      return { problem: "no rewrite rule of the design document matches", hint: "Check the path and the rules." }
    case "index":
      return { problem, hint: "Mango.indexes lists the indexes of the database." }
    case "resharding job":
      return { problem, hint: "Server.reshardJobs lists those that exist." }
    case "configuration option":
      return {
        problem: `the configuration has no ${quote(at.name)}`,
        hint: "An option that is not set has its default."
      }
    case "node":
      return { problem, hint: "Server.membership lists the nodes." }
    case "database":
      return { problem, hint: "Create it (Database.create, Database.ensure), or check its name and COUCHDB_URL." }
    default:
      return { problem, hint: "Check the path, and that COUCHDB_URL is the URL of a CouchDB." }
  }
}

export const updateConflict = (said: ResponseDetails & { readonly operation?: "create" | undefined }): Explanation => {
  const { kind } = endpointOf(said)
  if (said.operation === "create") {
    return kind === "user"
      ? {
        problem: "a user with this name exists already",
        hint: "Nothing was written. Use User.changePassword and User.updateRoles to change the user."
      }
      : {
        problem: "a document with this id exists already",
        hint: kind === "replication document"
          ? "Nothing was written. Use another id, or remove the replication first (Replication.remove)."
          : "Nothing was written. Use another id, or read the document and edit it."
      }
  }
  return kind === "update function"
    ? { problem: "the document was changed while the function ran", hint: "Nothing was written. Call it again." }
    : {
      problem: "the document exists already, or was changed since the revision that was sent",
      hint: "Nothing was written. Read the document again, and repeat the edit."
    }
}

/** Explains a conflict by the operation that was refused. */
export const conflict = (
  { attempts, operation }: { readonly operation: string; readonly attempts: number },
  isNew: boolean
): Explanation => {
  const [problem, hint] = operation === "create" || (operation === "save" && isNew)
    ? [
      "a document with this id exists already",
      "Nothing was written. Use Document.upsert to edit it if it exists, or another id."
    ]
    : operation === "copy"
    ? [
      "the target exists already, or was written at the same time",
      "Nothing was copied. Use another id, or { overwrite: true } to replace it."
    ]
    : operation === "delete"
    ? [
      "the delete was refused: the document was changed since it was read",
      "Nothing was deleted. Read it again (Document.refresh), or delete it anyway with Conflict.overwrite."
    ]
    : operation === "attachment"
    ? [
      "the change of the attachments was refused: the document was changed since it was read",
      "Nothing was written. Read it again (Document.refresh), or repeat it over the current body with Conflict.overwrite."
    ]
    : [
      "the save was refused: the document was changed since it was read",
      "Nothing was written. Edit it with Document.update, or handle the conflict:" +
      " Effect.catchTag(\"ConflictError\", policy) with a policy of Conflict."
    ]
  return attempts > 1
    ? {
      problem: `${problem} (${attempts} attempts)`,
      hint: "Nothing was written. Others wrote the document between each read and write: allow more attempts in the" +
        " schedule, or write it less often."
    }
    : { problem, hint }
}

/** Whether a method only reads. */
const isRead = (method: string): boolean => method === "GET" || method === "HEAD"

/** Explains a response that is not CouchDB's, or not the expected one. */
export const unexpectedResponse = (said: {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly contentType?: string | undefined
  readonly responder?: string | undefined
  readonly problem: string
}): Explanation => {
  if (said.problem === hiddenCookie) {
    return {
      problem: `the login succeeded (${said.status}), but its cookie cannot be read here`,
      hint: "A browser keeps cookies to itself: use Auth.session instead of Session.login there."
    }
  }
  const responder = said.responder === undefined ? "no Server header" : `Server: ${said.responder}`
  const isCouch = /^couchdb\//i.test(said.responder ?? "")
  const problem = `${
    isCouch ? "the response is not the expected one" : "something other than CouchDB answered"
  } (${said.status}, ${said.contentType ?? "no content type"}, ${responder}): ${said.problem}`
  if (said.status === 413) {
    return {
      problem,
      hint: "The request is larger than the limit of a proxy: raise it (nginx: client_max_body_size)."
    }
  }
  if (said.problem === tlsPort) {
    return { problem, hint: "Use https:// in the URL. The request was not carried out." }
  }
  const isRedirect = said.status === 0 || (said.status >= 300 && said.status < 400) ||
    said.problem.startsWith("redirected to ")
  const hint = isRedirect
    ? "Check that the URL is CouchDB's own, and that no login page or redirect is in front of it."
    : isCouch
    ? "Check the server's version, and the proxies between here and CouchDB, which may change responses."
    : "Check the proxy, load balancer or login page between here and CouchDB, and that the URL is CouchDB's own."
  return {
    problem,
    hint: isRead(said.method) ? hint : `${hint} The request may have been carried out: read before you repeat it.`
  }
}

/** The problem of a response that refuses plain HTTP. */
export const tlsPort = "the port speaks TLS"

/** The problem of a login whose cookie scripts cannot read. */
export const hiddenCookie = "its cookie cannot be read here"

/** The hint for a failure after which it is unknown whether the request was carried out. */
export const aftermath = (method: string): string =>
  isRead(method)
    ? "Check the server's log, and the proxies between here and the server."
    : "The request may have been carried out: read before you repeat it."

type Reason = TransportError["reason"]

const transportProblems: { readonly [reason in Reason]: string } = {
  InvalidUrl: "the URL of the server is not valid",
  InvalidHeader: "a header contains a line break or another character that no header may have",
  LongLine: "too long for the server",
  Unsupported: "the transport does not work on this runtime",
  Connection: "no connection to the server",
  Tls: "the TLS handshake failed",
  PoolExhausted: "every connection of the pool was in use",
  RequestBody: "the request body could not be sent",
  NoResponse: "the connection broke before a response came",
  Body: "the response ended too early",
  Deadline: "no response in time"
}

type TransportRule = readonly [reason: Reason, says: RegExp, hint: string, problem?: string]

/** Rules for the handshake with a proxy, whose certificate `tls` does not affect. */
const proxyRules = ([
  [/wrong version|packet length|http request/, "The proxy's port does not speak TLS: use http:// in proxy.url."],
  [/expired|not yet valid/, "Renew the proxy's certificate, and check the clocks of both machines."],
  [/altname/, "Use the name that the proxy's certificate is for in proxy.url."],
  [/unable to|self.signed/, "Make the client trust the proxy's authority, with NODE_EXTRA_CA_CERTS."],
  [/./, "Check the proxy's certificate, and the scheme of proxy.url."]
] as const).map(([says, hint]): TransportRule => [
  "Tls",
  new RegExp(`^proxy: .*(?:${says.source})`),
  hint,
  "the TLS handshake with the proxy failed"
])

/** Hints for failures with this reason and a matching description. */
const transportRules: ReadonlyArray<TransportRule> = [
  ["InvalidUrl", /^bad port|Requests to port/, "fetch does not connect to this port: let CouchDB listen at another."],
  ["InvalidUrl", /^proxy:/, "Check proxy.url.", "the URL of the proxy is not valid"],
  ["InvalidUrl", /^/, "Check COUCHDB_URL."],
  ["InvalidHeader", /^/, "Check where its value comes from, such as a token, a cookie or a content type."],
  ["LongLine", /^/, "Read and write documents with ids as long as that with Bulk, which sends ids in a body."],
  ["Unsupported", /^/, "Use Transport.layerHttpClient() with FetchHttpClient.layer."],
  [
    "Connection",
    /CONNECT with 407/,
    "Give the client the proxy's credentials (NodeTransport: proxy.authorization)."
  ],
  [
    "Connection",
    /\bproxy\b|SOCKS5|No acceptable authentication/,
    "Is the proxy running, is its URL right, and may it connect to the server?"
  ],
  ["Connection", /connect E[A-Z]+ [/\\]/, "Does CouchDB listen at this Unix socket, and is socketPath right?"],
  [
    "Connection",
    /RESET|before secure|eof|reset/,
    "The other side closed it at once: look at its log, and at what is in between."
  ],
  ["Connection", /^/, "Is CouchDB running, and is COUCHDB_URL right?"],
  ...proxyRules,
  ["Tls", /the port speaks TLS/, "Use https:// in the URL."],
  [
    "Tls",
    /wrong version|packet length|http request|InvalidContentType/,
    "The port does not speak TLS: use http:// in the URL, or the port of https."
  ],
  [
    "Tls",
    /expired|not yet valid|not valid yet/,
    "Renew the server's certificate, and check the clocks of both machines."
  ],
  [
    "Tls",
    /altname|for name|hostname/i,
    "Use the name that the certificate is for in the URL, or as tls.servername."
  ],
  [
    "Tls",
    /unable to|self.signed|Unknown/,
    "Make the client trust its authority, with tls.ca or NODE_EXTRA_CA_CERTS."
  ],
  [
    "Tls",
    /alert/,
    "The server may want a client certificate (tls.cert and tls.key), or another version of TLS."
  ],
  [
    "Tls",
    /this port\?/,
    "Use http:// if it does not. Otherwise check the certificate, and whether the server wants one."
  ],
  ["Tls", /^/, "Check the server's certificate, and which authorities the client trusts."],
  [
    "PoolExhausted",
    /^/,
    "Allow more connections (NodeTransport: connections, feedConnections), or close streams and feeds that are not read."
  ],
  [
    "RequestBody",
    /redirected/,
    "Use the URL that the server redirects to, and check that no login page is in front of it."
  ],
  [
    "RequestBody",
    /^/,
    "Check that the announced length is the length of the bytes, and that their source can be read to its end." +
    " The server did not get the whole request, and so did not carry it out."
  ]
]

/** The message of browsers for every kind of failure. */
const ofBrowsers = /^(?:failed to fetch|networkerror when attempting to fetch|load failed|network request failed)/i

export const transport = (
  { description, method, reason }: Pick<TransportError, "description" | "method" | "reason">
): Explanation => {
  const rule = transportRules.find(([of, says]) => of === reason && says.test(description))
  if (rule !== undefined) {
    const [, , hint, problem = transportProblems[reason]] = rule
    return { problem, hint: reason === "RequestBody" ? hint : `${hint} Nothing was sent.` }
  }
  const hint = aftermath(method)
  return reason === "NoResponse" && ofBrowsers.test(description)
    ? {
      problem: "no response",
      hint:
        `${hint} In a browser, this also happens when CORS forbids the request: enable CORS for this origin in CouchDB` +
        " ([chttpd] enable_cors, [cors] origins), and look at the browser's console."
    }
    : { problem: transportProblems[reason], hint }
}
