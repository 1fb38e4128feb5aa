// Reads all of one file and writes that many bytes to another: the least that any tool has to do.
// usage: node read-and-write.mjs <input> <output> <bytes of the output>
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 1 << 20;
const [, , input = '', output = '', bytes] = process.argv;
const buffer = new Uint8Array(CHUNK_BYTES);
const source = openSync(input, 'r');
while (readSync(source, buffer) > 0);
const target = openSync(output, 'w');
for (let left = Number(bytes); left > 0; left -= CHUNK_BYTES) {
  writeSync(target, buffer, 0, Math.min(left, CHUNK_BYTES));
}
closeSync(source);
closeSync(target);
