import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { schemaFiles } from '../../scripts/generate-json-schemas.ts';

it.each(schemaFiles().map(([path, text]) => [basename(path), path, text]))(
  '%s is what scripts/generate-json-schemas.ts makes of the documents',
  (_name, path, text) => {
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);
