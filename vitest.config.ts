import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const resolve = { conditions: ["@fovea/source", "node", "import", "default"] };
const ssr = { resolve: { conditions: resolve.conditions, externalConditions: resolve.conditions } };

/** Worker threads of the data loader are made of sources by Node itself. */
const execArgv = [
  "--import",
  new URL("scripts/typescript-hooks.mjs", import.meta.url).href,
  "--conditions=@fovea/source",
];

/** Two projects: unit tests stand next to the code; integration tests (test/) run commands, browsers and packages. */
export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: "unit",
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
          include: ["packages/fovea/src/**/*.test.ts"],
          testTimeout: 60_000,
          pool: "forks",
          execArgv,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: "integration",
          sequence: { groupOrder: 1 },
          include: ["packages/fovea/test/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          pool: "forks",
          execArgv,
        },
      },
    ],
  },
});
