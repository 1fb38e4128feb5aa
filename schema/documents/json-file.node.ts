import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type * as z from 'zod';
import { AeqError, type ErrorCode } from '../errors.ts';
import { readError } from '../file-errors.node.ts';
import { type AtomicWriteOptions, createUnfinishedFile } from '../write-file.node.ts';
import { findJsonFault } from './json-position.ts';
import { type DocumentDescription, parseDocument } from './parse.ts';

/**
 * Reads a JSON file.
 * @param code error code for a file that is no JSON text.
 * @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE, or `code` with line and column.
 */
export function readJsonFile(file: string | URL, code: ErrorCode): unknown {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw readError(path, error);
  }
  return parseJson(decodeText(bytes, path, code), path, code);
}

/** Reads a JSON file and checks it against a schema. @throws AeqError as readJsonFile and parseDocument. */
export function readDocument<T>(schema: z.ZodType<T>, file: string | URL, about: Omit<DocumentDescription, 'file'>): T {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  return parseDocument(schema, readJsonFile(path, about.code), { ...about, file: path });
}

/**
 * Writes a value as JSON with a final newline, whole or not at all. Large documents: `indent: 0`.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE.
 */
export function writeJsonFile(
  path: string,
  value: unknown,
  options: AtomicWriteOptions & { readonly indent?: number } = {},
): void {
  const file = createUnfinishedFile(path, options);
  try {
    file.write(new TextEncoder().encode(`${JSON.stringify(value, null, options.indent ?? 2)}\n`), 0);
    file.commit();
  } finally {
    file.discard();
  }
}

function decodeText(bytes: Uint8Array, path: string, code: ErrorCode): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new AeqError(code, `${path} is UTF-16 text`, { where: { file: path }, hint: 'save it as UTF-8' });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AeqError(code, `${path} is no JSON file: its bytes are not UTF-8 text`, {
      where: { file: path },
      hint: 'check that this is the file you meant',
      cause: error,
    });
  }
}

/** JSON.parse with an error that says where. `file` is the name for the message. */
function parseJson(text: string, file: string, code: ErrorCode): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const fault = findJsonFault(text);
    const place = fault ? ` at line ${fault.line}, column ${fault.column}: ${fault.problem}` : '';
    throw new AeqError(code, `${file} is not valid JSON${place}`, {
      where: { file, ...(fault ? { offset: fault.offset } : {}) },
      hint: text.trim() === '' ? 'the file is empty' : 'correct the text at this place',
      cause: error,
    });
  }
}
