import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { RandomStream } from "../src/base/random.ts";
import { repository, temporaryFolder } from "./workspace.ts";

const child = join(repository, "packages/fovea/test/resume-child.mjs");
const { path: work, remove } = temporaryFolder();
afterAll(remove);

/** Processes that are killed: 50 in all with FOVEA_KILLS=50 (two minutes), of which two in five while they save. */
const KILLS = Number(process.env["FOVEA_KILLS"] ?? 10);
const WHILE_SAVING = Math.round(KILLS * 0.4);

const unfinished = (folder: string) =>
  existsSync(join(folder, "checkpoint")) &&
  readdirSync(join(folder, "checkpoint")).some((name) => name.startsWith(".writing-"));

type End = "finished" | "killed" | "killed while saving";

/** Runs the training in a folder, or goes on with it, and kills it: after a random time of steps, or in the middle of a save. */
async function run(folder: string, kill: "never" | "saving" | number): Promise<End> {
  mkdirSync(folder, { recursive: true });
  const program = spawn(process.execPath, [child, folder], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  program.stderr.on("data", (text: Buffer) => (errors += String(text)));
  let watch: NodeJS.Timeout | undefined;
  program.stdout.once("data", () => {
    if (typeof kill === "number") setTimeout(() => program.kill("SIGKILL"), kill);
    // What an earlier kill left is removed by the first save; a folder that appears after that is one in progress.
    let clean = false;
    if (kill === "saving") {
      watch = setInterval(() => {
        if (!unfinished(folder)) clean = true;
        else if (clean) program.kill("SIGKILL");
      }, 1);
    }
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    program.on("close", (...end) => resolve(end)),
  );
  clearInterval(watch);
  if (signal === "SIGKILL") return unfinished(folder) ? "killed while saving" : "killed";
  expect([code, signal, errors]).toEqual([0, null, ""]);
  return "finished";
}

it(
  `a run that is killed ${KILLS} times has the curve of one that was not, bit for bit`,
  async () => {
    const whole = join(work, "whole");
    expect(await run(whole, "never")).toBe("finished");
    const wanted = readFileSync(join(whole, "result.json"), "utf8");
    expect((JSON.parse(wanted) as { history: { loss: number[] } }).history.loss).toHaveLength(20);

    const random = new RandomStream(11);
    let [killed, saving, runs] = [0, 0, 0];
    while (killed < KILLS || saving < WHILE_SAVING) {
      const folder = join(work, `run-${runs++}`);
      // Killed until that is enough, at most ten times a run; then left to finish.
      for (let times = 0; ; times++) {
        const enough = times === 10 || (killed >= KILLS && saving >= WHILE_SAVING);
        const kind = enough ? "never" : saving < WHILE_SAVING && times % 2 === 1 ? "saving" : random.int(250);
        const end = await run(folder, kind);
        if (end === "finished") break;
        killed++;
        if (end === "killed while saving") saving++;
      }
      expect(readFileSync(join(folder, "result.json"), "utf8")).toBe(wanted);
    }
    console.log(`${killed} kills in ${runs} runs, ${saving} of them while a checkpoint was written`);
  },
  60_000 + KILLS * 12_000,
);
