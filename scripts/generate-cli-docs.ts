/** Writes docs/cli.md from the tables of commands and options. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { COMMANDS, type CommandSpec } from '../src/cli/commands.ts';
import type { OptionSpec } from '../src/cli/option-spec.ts';
import { flagName, OPTIONS, type OptionKey } from '../src/cli/options.ts';
import { optionHelp } from '../src/cli/program.ts';

const INTRODUCTION = `# The command line

Generated from the tables in \`src/cli\` by \`npx tsx scripts/generate-cli-docs.ts\`; \`aeq <command> --help\` says the same.

The words of a command line may stand in any order. A list (\`...\`) may be written as one (\`--data a b\`) or repeated
(\`--data a --data b\`). Progress, remarks and errors go to stderr, results to stdout. Nothing asks questions: \`--force\`
overwrites. Files appear when they are complete; Ctrl-C leaves none behind.

**Exit status**: 0 done, 1 a gate failed, 2 usage, 3 bad input, 4 unsupported, 5 internal error, 130 interrupted.

**Environment**: \`AEQ_LITERT_LIBRARY\` is the path of LiteRT's C library for \`--runtime native\`; \`NO_COLOR\` and \`CI\` turn
off colours and lines that renew themselves; \`AEQ_DEBUG=1\` shows the stack of an internal error.

**Config file** (\`--config\`): a JSON object with the names of options in camel case, such as \`{"data": ["pictures"], "maxLength": 64,
"verify": false}\`. It may hold options of several commands; the command line overrides it. Paths are relative to the
working directory.
`;

/** The text of docs/cli.md. */
export function cliDocs(): string {
  return `${[INTRODUCTION, ...COMMANDS.flatMap((spec) => section(spec, 'aeq'))].join('\n').trimEnd()}\n`;
}

function section(spec: CommandSpec, before: string): string[] {
  const name = `${before} ${spec.name}`;
  if (spec.subcommands) return spec.subcommands.flatMap((child) => section(child, name));
  const parameters = (spec.arguments ?? []).map((argument) => argument.name);
  return [
    `## ${name}\n`,
    `\`${[name, ...parameters].join(' ')}\`: ${spec.summary}.\n`,
    ...(spec.arguments ?? []).map((argument) => `- \`${argument.name}\`: ${argument.help}`),
    ...(spec.arguments?.length ? [''] : []),
    ...(spec.example ? [`\`\`\`\n${spec.example.join('\n')}\n\`\`\`\n`] : []),
    ...(spec.options ?? []).map(item),
    '',
  ];
}

function item(key: OptionKey): string {
  const spec: OptionSpec = OPTIONS[key];
  const flag = `${spec.short ? `-${spec.short}, ` : ''}${flagName(key)}${spec.value ? ` ${spec.value}` : ''}`;
  return `- \`${flag}\`: ${optionHelp(spec).replaceAll('<', '&lt;').replaceAll('*', '\\*')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL('../docs/cli.md', import.meta.url)), cliDocs());
}
