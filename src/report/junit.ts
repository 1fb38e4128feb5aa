import type { Comparison, GateResult } from '../../schema/documents/comparison.ts';

/**
 * The gates as a JUnit file: a suite of gates with one case each, and a suite of everything that is beyond a limit, so
 * that a CI system lists the layers by name.
 */
export function junitXml({ gates, quantized }: Comparison): string {
  const layers = gates.flatMap((gate) => gate.failures.map((failure) => ({ gate, failure })));
  const suites = [
    suite(
      'gates',
      gates.map((gate) => testCase('gates', gate.condition, gate.passed ? undefined : gate)),
      gates.filter(({ passed }) => !passed).length,
    ),
    suite(
      'layers',
      layers.map(({ gate, failure }) =>
        testCase('layers', `${failure.subject} (${gate.condition})`, {
          condition: gate.condition,
          message: `${gate.condition} failed: ${failure.subject} has ${failure.value}`,
        }),
      ),
      layers.length,
    ),
  ];
  const failures = gates.filter(({ passed }) => !passed).length + layers.length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${attribute(`aeq validate ${quantized.file}`)}" tests="${gates.length + layers.length}" failures="${failures}">`,
    ...suites.flat(),
    '</testsuites>',
    '',
  ].join('\n');
}

const suite = (name: string, cases: readonly string[], failures: number): string[] => [
  `  <testsuite name="${name}" tests="${cases.length}" failures="${failures}" errors="0" skipped="0" time="0">`,
  ...cases,
  '  </testsuite>',
];

function testCase(
  className: string,
  name: string,
  failed: Pick<GateResult, 'condition' | 'message'> | undefined,
): string {
  const opening = `    <testcase classname="aeq.${className}" name="${attribute(name)}" time="0"`;
  if (!failed) return `${opening}/>`;
  const message = attribute(failed.message);
  return `${opening}>\n      <failure type="gate" message="${message}">${message}</failure>\n    </testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for an attribute or an element; what XML cannot hold at all is replaced. */
function attribute(text: string): string {
  const allowed = Array.from(text, (letter) => (isXml(letter.codePointAt(0) ?? 0) ? letter : '\ufffd')).join('');
  return allowed.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);
}

const isXml = (code: number) =>
  code === 9 ||
  code === 10 ||
  code === 13 ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  code >= 0x10000;
