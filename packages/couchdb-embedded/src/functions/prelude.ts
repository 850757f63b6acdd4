/**
 * The JavaScript that runs in the context of a design document: the API of design functions, and the dispatcher of
 * commands. Commands and results are JSON, so that no object of this process enters the context.
 */
export const prelude = `"use strict";
(function () {
  const globals = globalThis
  const design = JSON.parse(globals.designText)
  delete globals.designText
  const parse = JSON.parse
  const stringify = JSON.stringify
  const evaluate = globals.eval
  let rows = []
  let emits = function (key, value) { rows.push([key, value]) }
  const plainError = (value) =>
    typeof value === "object" && value !== null && "stack" in value && "name" in value && "message" in value
      ? { error: value.name, message: value.message }
      : value
  const freeze = (value) => {
    if (typeof value === "object" && value !== null) {
      Object.values(value).forEach(freeze)
      Object.freeze(value)
    }
    return value
  }
  const fail = (error, reason) => { throw ["error", error, reason] }

  globals.emit = (key, value) => emits(key, plainError(value))
  globals.sum = (values) => { let total = 0; for (const value of values) total += value; return total }
  globals.toJSON = (value) => stringify(value)
  globals.isArray = Array.isArray
  globals.log = () => {}

  const modules = new Map()
  const resolve = (names, from) => {
    if (names.length === 0) {
      if (typeof from.current !== "string") {
        fail("invalid_require_path", "Must require a JavaScript string, not: " + typeof from.current)
      }
      return from
    }
    const [name, ...rest] = names
    if (name === "..") {
      if (!from.parent || !from.parent.parent) fail("invalid_require_path", "Object has no parent " + stringify(from.current))
      return resolve(rest, from.parent.parent)
    }
    if (name === ".") {
      if (!from.parent) fail("invalid_require_path", "Object has no parent " + stringify(from.current))
      return resolve(rest, from.parent)
    }
    if (from.current[name] === undefined) {
      fail("invalid_require_path", 'Object has no property "' + name + '". ' + stringify(from.current))
    }
    return resolve(rest, { current: from.current[name], parent: from, id: from.id === "" ? name : from.id + "/" + name })
  }
  const root = { current: design, parent: undefined, id: "" }
  const requireFrom = (from) => (name) => {
    const names = name.split("/")
    const found = resolve(names, names[0].startsWith(".") ? from : root)
    const known = modules.get(found.id)
    if (known !== undefined) return known.exports
    const module = { id: found.id, current: found.current, parent: found.parent, exports: {} }
    modules.set(found.id, module)
    try {
      evaluate("(function (module, exports, require) { " + found.current + "\\n });")
        .call(globals, module, module.exports, requireFrom(found))
    } catch (error) {
      modules.delete(found.id)
      fail("compilation_error", "Module require('" + name + "') raised error " + String(error))
    }
    return module.exports
  }
  globals.require = requireFrom(root)

  const functions = new Map()
  const compile = (source) => {
    const known = functions.get(source)
    if (known !== undefined) return known
    let made
    try {
      made = evaluate("(" + String(source).trim().replace(/;+$/, "") + "\\n)")
    } catch (error) {
      fail("compilation_error", String(error) + " (" + source + ")")
    }
    if (typeof made !== "function") fail("compilation_error", "Expression does not eval to a function. (" + source + ")")
    functions.set(source, made)
    return made
  }

  const types = new Map()
  const keysByType = new Map()
  globals.registerType = (key, ...mimes) => {
    types.set(key, mimes)
    for (const mime of mimes) keysByType.set(mime, key)
  }
  for (const [key, ...mimes] of [
    ["all", "*/*"], ["text", "text/plain; charset=utf-8", "txt"], ["html", "text/html; charset=utf-8"],
    ["xhtml", "application/xhtml+xml", "xhtml"], ["xml", "application/xml", "text/xml", "application/x-xml"],
    ["js", "text/javascript", "application/javascript", "application/x-javascript"], ["css", "text/css"],
    ["ics", "text/calendar"], ["csv", "text/csv"], ["rss", "application/rss+xml"], ["atom", "application/atom+xml"],
    ["yaml", "application/x-yaml", "text/yaml"], ["multipart_form", "multipart/form-data"],
    ["url_encoded_form", "application/x-www-form-urlencoded"], ["json", "application/json", "text/x-json"]
  ]) globals.registerType(key, ...mimes)

  let provided = []
  let contentType
  globals.provides = (type, made) => { provided.push([type, made]) }
  const bestType = (supported, accept) => {
    const wanted = accept.split(",").map((range) => {
      const [name, ...parameters] = range.split(";").map((part) => part.trim())
      const quality = parameters.find((part) => part.startsWith("q="))
      return [name, quality === undefined ? 1 : Number(quality.slice(2))]
    }).sort((left, right) => right[1] - left[1])
    for (const [name] of wanted) {
      const found = supported.find((type) => {
        const bare = type.split(";")[0].trim()
        return name === "*/*" || bare === name || (name.endsWith("/*") && bare.startsWith(name.slice(0, -1)))
      })
      if (found !== undefined) return found
    }
    return ""
  }
  const runProvides = (request) => {
    const accept = request.headers.Accept
    let key = provided[0][0]
    if (request.query && request.query.format) {
      key = request.query.format
      contentType = (types.get(key) || [])[0]
    } else if (accept) {
      provided.reverse()
      contentType = bestType(provided.flatMap(([type]) => types.get(type) || []), accept)
      key = keysByType.get(contentType)
    } else contentType = types.get(key)[0]
    const found = provided.find(([type]) => type === key)
    if (found !== undefined) return found[1].call(design)
    const supported = provided.map(([type]) => (types.get(type) || [type]).join(", ")).join(", ")
    fail("not_acceptable", "Content-Type " + (accept || key) + " not supported, try one of: " + supported)
  }

  let chunks = []
  let started = {}
  let pending = []
  globals.start = (response) => { started = response || {} }
  globals.send = (chunk) => { chunks.push(String(chunk)) }
  globals.getRow = () => pending.length === 0 ? null : pending.shift()
  const reset = () => { provided = []; contentType = undefined; chunks = []; started = {}; pending = [] }
  const wrap = (response) => typeof response === "string" ? { body: response } : response
  const typed = (response) => {
    if (!contentType) return response
    return { ...response, headers: { "Content-Type": contentType, ...response.headers } }
  }
  const rendering = (work, kind) => {
    try {
      return work()
    } catch (error) {
      if (Array.isArray(error) || (error && error.error && error.reason)) throw error
      const stack = error === null || error === undefined ? undefined : error.stack
      throw ["error", kind, "function raised error: " + String(error) + " \\nstacktrace: " + stack]
    }
  }
  const isResponse = (value) => typeof value === "string" || (typeof value === "object" && value !== null && !Array.isArray(value))

  const map = (made, documents) => {
    emits = (key, value) => { rows.push([key, value]) }
    return documents.map((document) => {
      rows = []
      try {
        made(freeze(document))
        return rows
      } catch (error) {
        return []
      }
    })
  }
  const reduce = (made, calls) => calls.map(([keys, values, rereduce]) => {
    try {
      return made(keys, values, rereduce)
    } catch (error) {
      return null
    }
  })
  const show = (made, [document, request]) => {
    reset()
    return rendering(() => {
      try {
        let response = wrap(made.call(design, document, request) || {})
        if (chunks.length > 0) {
          response = { ...response, headers: { ...response.headers, ...started }, body: chunks.join("") + (response.body || "") }
          chunks = []
        }
        if (provided.length > 0) {
          const more = wrap(runProvides(request) || {})
          response = typed({ ...response, body: (response.body || "") + chunks.join("") + (more.body || "") })
        }
        if (!isResponse(response)) fail("render_error", "undefined response from show function")
        return wrap(response)
      } catch (error) {
        if (document === null && request.path.length > 5) fail("not_found", "document not found")
        throw error
      }
    }, "render_error")
  }
  const update = (made, [document, request]) =>
    rendering(() => {
      if (request.method === "GET") fail("method_not_allowed", "Update functions do not allow GET")
      const [stored, response] = made.call(design, document, request)
      if (!isResponse(response)) fail("render_error", "undefined response from update function")
      return [stored, wrap(response)]
    }, "render_error")
  const list = (made, [head, request, rows]) => {
    reset()
    pending = rows
    return rendering(() => {
      let tail = made.call(design, head, request)
      if (provided.length > 0) tail = runProvides(request)
      if (tail !== undefined) chunks.push(String(tail))
      return [typed(started), chunks.join("")]
    }, "render_error")
  }
  const validate = (made, input) => {
    try {
      made.apply(design, input)
      return null
    } catch (error) {
      if (error && error.name && error.stack) throw error
      return error
    }
  }
  const view = (made, [documents]) => documents.map((document) => {
    let emitted = false
    emits = () => { emitted = true }
    made(document)
    return emitted
  })
  const filter = (made, [documents, request]) =>
    documents.map((document) => Boolean(made.call(design, document, request)))

  const kinds = { compile: () => null, map, reduce, show, update, list, validate, view, filter }
  const run = (text) => {
    try {
      const [kind, source, input] = parse(text)
      return stringify({ ok: kinds[kind](compile(source), input) })
    } catch (error) {
      if (Array.isArray(error)) return stringify({ error: String(error[1]), reason: error[2] })
      if (error && error.error && error.reason) return stringify({ error: String(error.error), reason: error.reason })
      return stringify({ error: error && error.name ? String(error.name) : "unnamed_error", reason: error && error.message ? String(error.message) : null })
    }
  }
  Object.defineProperty(globals, "answerCommand", { value: () => run(globals.commandText) })
})()
`
