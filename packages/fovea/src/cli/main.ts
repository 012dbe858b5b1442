import { CommanderError, Command as Program, Option as CommanderOption } from "commander";
import { UsageError } from "../base/errors.ts";
import { foveaVersion } from "../train/version.ts";
import type { Command, Option } from "./command.ts";
import { commands, loadCommand } from "./commands/index.ts";
import { CommandLineError, reportError } from "./errors.ts";

/** What commander said of a wrong command line. */
let errorText = "";

// A reader that goes away (`fovea ... | head`) is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  const called = process.argv.slice(2).find((word) => !word.startsWith("-"));
  await makeProgram(called, await loadCommand(called)).parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? endOf(error) : reportError(error);
}

/** All commands by name; only the one that is called has options. */
function makeProgram(called: string | undefined, command: Command | null): Program {
  const program = new Program("fovea")
    .description("Train, measure and use convolutional networks. Without any set-up: fovea train")
    .version(foveaVersion(), "-V, --version", "print the version")
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", "\nfovea <command> --help shows the options of a command, with examples.");
  quiet(program);
  for (const [name, { summary }] of Object.entries(commands)) {
    const sub = program.command(name).description(summary);
    quiet(sub);
    if (command !== null && name === called) fill(sub, command);
  }
  return program;
}

function fill(sub: Program, command: Command): void {
  for (const { name, description } of command.arguments ?? []) sub.argument(name, description);
  for (const option of command.options) addOption(sub, option);
  sub.addHelpText("after", `\nExamples:\n${showExamples(command)}`);
  sub.action(async (...received: unknown[]) => {
    const args = received.slice(0, -2) as (string | string[])[];
    const given = new Set(Object.keys(sub.opts()).filter((name) => sub.getOptionValueSource(name) === "cli"));
    await command.run(sub.opts(), args, given);
  });
}

function addOption(sub: Program, { flags, description, parse, preset, default: standard }: Option): void {
  const shown = standard === undefined ? description : `${description} (default: ${String(standard)})`;
  const option = new CommanderOption(flags, shown);
  if (preset !== undefined) option.preset(String(preset));
  if (parse !== undefined) {
    option.argParser((text: string | undefined) => {
      try {
        return parse(text ?? "true"); // a flag has no text
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        throw new CommandLineError(`${flags.replace(/ .*/, "")}: ${error.message}`);
      }
    });
  }
  sub.addOption(option);
}

/** Makes commander throw instead of exiting, and leaves errors to `endOf`. */
function quiet(program: Program): void {
  program.exitOverride().configureOutput({ writeErr: (text) => void (errorText += text) });
}

/** Help and version end well; the rest is a wrong command line, told in one line. */
function endOf(error: CommanderError): number {
  if (error.exitCode === 0) return 0;
  if (error.code === "commander.help") {
    process.stderr.write(errorText); // no command: the help
    return 2;
  }
  const what = (errorText || error.message).trim().replace(/^error: /, "");
  const hint = /did you mean/i.test(what) ? "" : " (--help shows how it is used)";
  return reportError(new CommandLineError(what.replace(/\.$/, "") + hint));
}

function showExamples({ examples }: Command): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  return examples.map(([line, what]) => `  ${line.padEnd(width)}   ${what}`).join("\n");
}
