// Stream a dataset of a legal entity into a file of NDJSON, in Node.js, from the protos alone.
//
//     node examples/node/consumer.mjs EJ_ID DATASET_PATIENTS FILE
//
// The server is FHIREXPORT_ADDRESS, localhost:50051 if left out, without TLS. The contract is deploy/fhirexport.binpb, what
// the protos are compiled to: no code is generated.
import { createHash } from "node:crypto";
import { open, readFile, rename, unlink } from "node:fs/promises";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [ejId, dataset, file] = process.argv.slice(2);
const contract = await readFile(new URL("../../deploy/fhirexport.binpb", import.meta.url));
const definition = loader.loadFileDescriptorSetFromBuffer(contract, { keepCase: true, longs: String, enums: String });
const { ExportService } = grpc.loadPackageDefinition(definition).fhirexport.v1;
const address = process.env.FHIREXPORT_ADDRESS ?? "localhost:50051";
const client = new ExportService(address, grpc.credentials.createInsecure());

const part = `${file}.part`;
const output = await open(part, "w", 0o600); // health data: for its owner alone
const hash = createHash("sha256");
let finished = null;
try {
  // `for await` reads no faster than the file is written.
  for await (const event of client.StreamExport({ ej_id: ejId, dataset })) {
    if (event.chunk) {
      hash.update(event.chunk.json);
      await output.write(event.chunk.json);
    }
    finished = event.finished ?? finished;
  }
  if (finished === null || finished.sha256 !== hash.digest("hex")) throw new Error("the stream is not complete");
  await output.sync();
  await rename(part, file); // there whole, or not at all
  console.log(`${finished.resource_count} resources, ${finished.size_bytes} bytes`);
} catch (error) {
  await unlink(part);
  console.error(error.details ?? error.message);
  process.exitCode = 1;
} finally {
  await output.close();
  client.close();
}
