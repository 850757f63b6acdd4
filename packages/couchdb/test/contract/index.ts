import { sample } from "../support/deep.js"
import { access } from "./access.js"
import { attachments } from "./attachments.js"
import { bulk } from "./bulk.js"
import { changes } from "./changes.js"
import { collectionDocuments } from "./collectionDocuments.js"
import { collections, collectionsByFunctions } from "./collections.js"
import { databases } from "./databases.js"
import { deployments } from "./designs.js"
import { documents } from "./documents.js"
import { errors } from "./errors.js"
import { functionNames } from "./functionNames.js"
import { functions } from "./functions.js"
import { ids } from "./ids.js"
import { lineage } from "./lineage.js"
import { losslessness } from "./losslessness.js"
import { mango } from "./mango.js"
import { policies } from "./policies.js"
import { replicatedFiles } from "./replicatedFiles.js"
import { replication } from "./replication.js"
import { resolution } from "./resolution.js"
import { revisions } from "./revisions.js"
import { server } from "./server.js"
import { siblings } from "./siblings.js"
import type { Contract } from "./suite.js"
import { tombstones } from "./tombstones.js"
import { updates } from "./updates.js"
import { views, viewsByFunctions } from "./views.js"

/** What depends on how a transport carries requests and responses. */
const onTheWire = {
  attachments,
  bulk,
  changes,
  documents,
  errors,
  ids,
  losslessness,
  replicatedFiles
}

/** What holds for every CouchDB, and for the client on top of it. */
export const contracts = {
  attachments,
  bulk,
  changes,
  documents,
  losslessness,
  ids,
  errors,
  databases,
  server,
  access,
  deployments,
  functions,
  functionNames,
  updates,
  tombstones,
  revisions,
  policies,
  siblings,
  replication,
  replicatedFiles,
  resolution,
  lineage,
  views,
  viewsByFunctions,
  collectionDocuments,
  collections,
  collectionsByFunctions,
  mango
}

/** What is tried over HTTP on the embedded engine, which is tried in process too. */
export const contractsOverHttp = sample<Readonly<Record<string, Contract>>>(onTheWire, contracts)
