import { describe, expect, it } from 'vitest';
import { comparisonJson } from '../../../schema/documents/comparison.ts';
import { junitXml } from '../../../src/report/junit.ts';
import { JUNIT, jsonFaults, xmlFaults } from '../../support/independent-validators.ts';
import { example } from './example.ts';

describe('comparison.json', () => {
  it('is valid by its published schema, says a validator that is not ours', () => {
    expect(jsonFaults('comparison', comparisonJson(example()))).toEqual([]);
  });

  it('is not when a field is wrong', () => {
    const wrong = comparisonJson(example()) as Record<string, unknown>;
    expect(jsonFaults('comparison', { ...wrong, version: 2 })).toEqual(['/version must be equal to constant']);
    const { gates: _, ...less } = wrong;
    expect(jsonFaults('comparison', less)).toEqual([" must have required property 'gates'"]);
  });
});

describe('junit.xml', () => {
  it('is valid by the schema, whatever names hold', () => {
    expect(xmlFaults(JUNIT, junitXml(example()))).toEqual([]);
    expect(xmlFaults(JUNIT, junitXml({ ...example(), gates: [] }))).toEqual([]);
  });

  it('would not be with a case that lacks its name, or an unknown element', () => {
    const text = junitXml(example());
    expect(
      xmlFaults(JUNIT, text.replace(/classname="aeq.gates" name="[^"]*"/, 'classname="aeq.gates"')).join(),
    ).toMatch(/'name' is required/);
    expect(xmlFaults(JUNIT, text.replaceAll('failure', 'failed')).join()).toMatch(/not/);
  });
});
