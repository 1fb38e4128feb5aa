import { type Command, CommanderError } from 'commander';
import { AeqError } from '../../schema/errors.ts';
import { suggestion } from '../../schema/nearest.ts';
import { COMMANDS, type CommandSpec } from './commands.ts';
import { flagName } from './options.ts';

/** Commander's complaint about a command line, in our own terms; other errors, help and version pass as they are. */
export function usageError(error: unknown, command: Command): unknown {
  if (!(error instanceof CommanderError) || error.exitCode === 0 || error.code === 'commander.help') return error;
  // Commander puts what was meant on a line of its own, such as `(Did you mean --static?)`.
  const [first = '', meant] = error.message.replace(/^error: /, '').split('\n');
  const hint = meant ? meant.replace(/^\(D(.*)\)$/, 'd$1') : hintFor(error, first, command);
  // A value that was spelled out is not what the user wrote.
  const message = first.replace(/\.$/, '').replace(/('--[a-z-]+)=[^']*'/, "$1'");
  return new AeqError('USAGE', message, { hint, cause: error });
}

function hintFor({ code }: CommanderError, message: string, command: Command): string {
  const [, word = ''] = /'([^' =]+)/.exec(message) ?? [];
  const owner = code === 'commander.unknownOption' ? commandsWith(word) : [];
  if (owner.length > 0) return `it is an option of ${owner.map((name) => `aeq ${name}`).join(', ')}`;
  if (code === 'commander.missingArgument' || code === 'commander.excessArguments') return usageLine(command);
  return `${nameOf(command)} --help tells what there is`;
}

/** The usage line of a command: `usage: aeq inspect [options] <model>`. */
const usageLine = (command: Command): string => `usage: ${nameOf(command)} ${command.usage()}`;

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

function commandsWith(flag: string): string[] {
  const search = (specs: readonly CommandSpec[], before: string): string[] =>
    specs.flatMap(({ name, options = [], subcommands = [] }) => [
      ...(options.some((key) => flagName(key) === flag) ? [before + name] : []),
      ...search(subcommands, `${before}${name} `),
    ]);
  return search(COMMANDS, '');
}

/** For `aeq help <command>`. @throws AeqError USAGE naming the nearest command. */
export function findCommand(root: Command, words: readonly string[]): Command {
  return words.reduce((command, word) => {
    const found = command.commands.find((child) => child.name() === word);
    if (found) return found;
    const names = command.commands.map((child) => child.name());
    throw new AeqError('USAGE', `unknown command '${word}'`, {
      hint: suggestion(word, names) ?? (names.length > 0 ? `the commands are ${names.join(', ')}` : usageLine(command)),
    });
  }, root);
}
