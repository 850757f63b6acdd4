import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The installed nginx, if there is one. */
export const nginx: string | undefined = [
  process.env["NGINX"] ?? "",
  "/usr/sbin/nginx",
  "/usr/local/sbin/nginx",
  "/usr/bin/nginx",
  "/opt/homebrew/bin/nginx"
].find((path) => path !== "" && existsSync(path))

class NginxError extends Data.TaggedError("NginxError")<{ readonly message: string }> {}

/** The configurations of the suite, each on its own port. */
export const configurations = {
  defaults: "location / { proxy_pass http://couch; }",
  gzip: "gzip on; gzip_proxied any; gzip_min_length 1; gzip_types image/svg+xml application/json text/plain; " +
    "location / { proxy_pass http://couch; }",
  small: "client_max_body_size 1m; location / { proxy_pass http://couch; }",
  impatient: "proxy_read_timeout 5s; location / { proxy_pass http://couch; }",
  login:
    "location / { return 302 /login; } location = /login { default_type text/html; return 200 '<html>Log in</html>'; }",
  open: "client_max_body_size 0; location / { proxy_pass http://couch; }"
} as const

export type Configuration = keyof typeof configurations

const freePort: Effect.Effect<number> = Effect.async((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const isListening = (port: number): Effect.Effect<void, NginxError> =>
  Effect.async((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", () => resume(Effect.fail(new NginxError({ message: `nothing listens on ${port}` }))))
  })

/** Starts nginx on loopback in front of a server, with one port for each configuration. Closing the scope stops it. */
export const startNginx = (upstream: string) =>
  Effect.gen(function*() {
    if (nginx === undefined) return yield* new NginxError({ message: "nginx is not installed" })
    const binary = nginx
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-couchdb-nginx-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const names = Object.keys(configurations) as ReadonlyArray<Configuration>
    const ports = new Map<Configuration, number>()
    for (const name of names) ports.set(name, yield* freePort)
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    for (const name of temporary) mkdirSync(join(directory, name))
    writeFileSync(
      join(directory, "nginx.conf"),
      [
        "daemon off;",
        // The default user of its workers may not write to the directory.
        ...(process.getuid?.() === 0 ? ["user root;"] : []),
        "worker_processes 1;",
        `pid ${directory}/nginx.pid;`,
        `error_log ${directory}/error.log warn;`,
        "events { worker_connections 1024; }",
        "http {",
        "  access_log off;",
        ...temporary.map((name) => `  ${name}_temp_path ${directory}/${name};`),
        ...names.map((name) =>
          `  server { listen 127.0.0.1:${ports.get(name)}; ${
            configurations[name].replace("http://couch", `http://${new URL(upstream).host}`)
          } }`
        ),
        "}"
      ].join("\n")
    )
    yield* Effect.acquireRelease(
      Effect.sync(() => spawn(binary, ["-p", directory, "-c", join(directory, "nginx.conf")], { stdio: "ignore" })),
      (child) =>
        Effect.async<void>((resume) => {
          if (child.exitCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGTERM")
        })
    )
    const [first = 0] = ports.values()
    yield* isListening(first).pipe(
      Effect.retry(Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(200))),
      Effect.mapError(() => {
        const log = join(directory, "error.log")
        return new NginxError({ message: existsSync(log) ? readFileSync(log, "utf8") : "nginx did not start" })
      })
    )
    return (name: Configuration): string => `http://127.0.0.1:${ports.get(name)}`
  })
