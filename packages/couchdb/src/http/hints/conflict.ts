import { endpointOf } from "../endpoint.js"
import type { Explanation, ResponseDetails } from "../errorMessage.js"

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
