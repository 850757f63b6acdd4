type Rule = readonly [says: RegExp, problem: string, hint: string]

export const credentials = "COUCHDB_USER and COUCHDB_PASSWORD, or Auth"

const asAdmin = `Use the credentials of a server admin (${credentials}): one of [admins] in CouchDB's configuration.`

const noUser = `No user was recognised: set user and password (${credentials}), or check the cookie or the token. ` +
  "In a browser, a session needs requests that include credentials (Auth.session)."

const admins = "Use the credentials of a server admin, or add the user or one of its roles to the admins in the" +
  " database's security object (Database.setSecurity)."

/**
 * Hints by `error: reason`, whatever the status: CouchDB reports some refusals of a user as a failure of the server.
 */
export const rules: ReadonlyArray<Rule> = [
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
