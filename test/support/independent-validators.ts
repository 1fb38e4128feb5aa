import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { projectRoot } from './shared.ts';

/** What a JSON Schema validator that is not ours says against a value by the published schema of that name. */
export function jsonFaults(schema: string, value: unknown): string[] {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  const validate = ajv.compile(
    JSON.parse(readFileSync(join(projectRoot, `schema/json/${schema}.schema.json`), 'utf8')),
  );
  return validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Our XML Schema of JUnit files. */
export const JUNIT = join(projectRoot, 'test/support/junit.xsd');

/** What libxml2 says against a text by an XML Schema of the tests. */
export function xmlFaults(schemaFile: string, text: string): string[] {
  const schema = XmlDocument.fromString(readFileSync(schemaFile, 'utf8'));
  const validator = XsdValidator.fromDoc(schema);
  try {
    const document = XmlDocument.fromString(text);
    try {
      validator.validate(document);
      return [];
    } finally {
      document.dispose();
    }
  } catch (error) {
    return [String(error)];
  } finally {
    validator.dispose();
    schema.dispose();
  }
}
