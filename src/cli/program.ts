import { Command, Option } from 'commander';
import { spellOut } from './arguments.ts';
import { COMMANDS, type CommandSpec } from './commands.ts';
import { type Context, createContext } from './context.ts';
import type { OptionSpec } from './option-spec.ts';
import { parseValue } from './option-value.ts';
import { flagName, OPTIONS, type OptionKey, type OptionValues, optionOfFlag } from './options.ts';
import { packageVersion } from './package-version.ts';
import { findCommand, usageError } from './usage.ts';

/** What a run of the program came to: the command's exit status and the context for telling an error. */
export interface Outcome {
  status: number;
  context: Context | undefined;
}

const START = [
  'aeq quantize model.tflite --static --data pictures/',
  'aeq validate model.tflite model_static_wi8_ai8.tflite --data pictures/',
];
const EXIT_STATUSES = '0 done, 1 a gate failed, 2 usage, 3 bad input, 4 unsupported, 5 internal error';

/** Runs one command line. @throws AeqError, and CommanderError where commander has shown help or the version. */
export async function runProgram(words: readonly string[], signal: AbortSignal, outcome: Outcome): Promise<void> {
  await createProgram(signal, outcome).parseAsync(spellOut(words), { from: 'user' });
}

/** The commander program made from the tables of commands and options. */
function createProgram(signal: AbortSignal, outcome: Outcome): Command {
  const program = new Command('aeq')
    .description('Post-training quantization for LiteRT (.tflite) models: calibrate, quantize, validate.')
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .addHelpText('after', `\nStart here:\n  ${START.join('\n  ')}\n\nExit status: ${EXIT_STATUSES}.`);
  prepare(program);
  for (const spec of COMMANDS) addCommand(program, spec, signal, outcome);
  prepare(program.command('help [command...]').description('show the help of a command')).action((words: string[]) =>
    findCommand(program, words).help(),
  );
  return program;
}

/** Errors are thrown and told by main, all in one form. */
function prepare(command: Command): Command {
  return command
    .configureOutput({ outputError: () => {} })
    .configureHelp({ sortSubcommands: false, optionTerm, optionDescription: ({ description }) => description })
    .exitOverride((error) => {
      throw usageError(error, command);
    });
}

function addCommand(parent: Command, spec: CommandSpec, signal: AbortSignal, outcome: Outcome): void {
  const command = prepare(parent.command(spec.name).description(spec.summary))
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false);
  for (const child of spec.subcommands ?? []) addCommand(command, child, signal, outcome);
  for (const argument of spec.arguments ?? []) command.argument(argument.name, argument.help);
  if (!spec.load) return;
  for (const key of spec.options ?? []) command.addOption(commanderOption(key));
  if (spec.example) command.addHelpText('after', `\nExamples:\n  ${spec.example.join('\n  ')}`);
  const load = spec.load;
  command.action(async (...parameters: unknown[]) => {
    const given = givenOptions(command);
    const args = parameters.slice(0, -2).flatMap((value) => (value === undefined ? [] : (value as string | string[])));
    outcome.context = createContext(given, signal);
    const options = given.config ? await withConfig(given, given.config, spec) : given;
    outcome.context = createContext(options, signal);
    const run = await load();
    outcome.status = await run(args, outcome.context);
  });
}

/** What the command line says overrides what the file says. */
async function withConfig(given: OptionValues, file: string, spec: CommandSpec): Promise<OptionValues> {
  const { readConfig } = await import('./config.ts');
  return { ...readConfig(file, spec.options ?? []), ...given };
}

/** Commander gives `--no-x` flags the default true: what was not said stays out. */
function givenOptions(command: Command): OptionValues {
  const entries = Object.entries(command.opts()).filter(([key]) => command.getOptionValueSource(key) === 'cli');
  return Object.fromEntries(entries) as OptionValues;
}

function commanderOption(key: OptionKey): Option {
  const spec: OptionSpec = OPTIONS[key];
  // Every value of a list comes with a flag of its own: see spellOut.
  const value = spec.value ? ` ${spec.value.replace('...', '')}` : '';
  const option = new Option(`${spec.short ? `-${spec.short}, ` : ''}${flagName(key)}${value}`, optionHelp(spec));
  option.helpGroup(`${spec.group}:`);
  if (spec.kind === 'list') {
    option.argParser((text: string, earlier: string[] | undefined) => [...(earlier ?? []), text]);
  } else if (spec.kind !== 'flag') {
    option.argParser((text: string) => parseValue(flagName(key), spec, text));
  }
  return option;
}

/** What the help calls an option: a list with its dots. */
function optionTerm({ long, flags }: Option): string {
  const value = optionOfFlag(long ?? '')?.value;
  return value ? flags.replace(/[<[].*/, value) : flags;
}

/** What the help says of an option: `type of the ...: same, int8 (default: same)`. */
export function optionHelp({ help, choices, defaultText }: OptionSpec): string {
  const all = choices && choices.length > 1 ? `: ${choices.join(', ')}` : '';
  return `${help}${all}${defaultText ? ` (default: ${defaultText})` : ''}`;
}
