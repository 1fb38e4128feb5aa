import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TABLES, UNIONS } from '../../schema/generated/tflite.ts';
import { FORMATS, generatedText, parseFbs } from '../../scripts/generate-schema.ts';
import { projectRoot, sharedPath, skipUnless } from '../support/shared.ts';

it.each(FORMATS)('schema/generated/%s.ts is what the generator makes of the .fbs', (name) => {
  expect(readFileSync(join(projectRoot, `schema/generated/${name}.ts`), 'utf8')).toBe(generatedText(name));
});

it('every table of the .fbs has descriptors with ascending ids, and unions leave room for their tag', () => {
  const schema = parseFbs(readFileSync(join(projectRoot, 'schema/tflite.fbs'), 'utf8'));
  expect(Object.keys(TABLES)).toEqual([...schema.tables.keys()]);
  expect(Object.keys(TABLES).length).toBeGreaterThanOrEqual(165);
  for (const [name, fields] of Object.entries(TABLES)) {
    const taken = fields.flatMap((field) => (field.kind === 'union' ? [field.id - 1, field.id] : [field.id]));
    expect(new Set(taken).size, name).toBe(taken.length);
    for (const field of fields) {
      if (field.kind === 'union') expect(UNIONS).toHaveProperty(field.type);
      if (field.kind === 'table' || field.kind === 'tables') expect(TABLES).toHaveProperty(field.type);
    }
  }
});

const facts = sharedPath('reference', 'tflite-schema.json');

it.skipIf(skipUnless(facts, 'no schema facts to compare with'))(
  'agrees with the facts of the format, field by field',
  () => {
    const known = JSON.parse(readFileSync(facts ?? '', 'utf8')) as SchemaFacts;
    const schema = parseFbs(readFileSync(join(projectRoot, 'schema/tflite.fbs'), 'utf8'));
    const described = (field: { id: number; name: string; type: string }) =>
      `${field.id} ${field.name}: ${field.type.replace('int32', 'int')}`;
    for (const [name, fields] of Object.entries(known.tables)) {
      expect(schema.tables.get(name)?.map(described), name).toEqual(fields.map(described));
    }
    for (const [name, { values }] of Object.entries(known.enums)) {
      expect(Object.fromEntries(schema.enums.get(name)?.values ?? []), name).toEqual(values);
    }
  },
);

interface SchemaFacts {
  tables: Record<string, { id: number; name: string; type: string }[]>;
  enums: Record<string, { values: Record<string, number> }>;
}
