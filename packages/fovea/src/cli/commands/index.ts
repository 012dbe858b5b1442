import type { Command } from "../command.ts";
import { bench } from "./bench.ts";
import { convert } from "./convert.ts";
import { doctor } from "./doctor.ts";
import { evaluateCommand } from "./evaluate.ts";
import { inspect } from "./inspect.ts";
import { predictCommand } from "./predict.ts";
import { train } from "./train.ts";

/** All commands, in the order of the help. */
export const commands = [
  train,
  evaluateCommand,
  predictCommand,
  inspect,
  convert,
  bench,
  doctor,
] as unknown as readonly Command[];
