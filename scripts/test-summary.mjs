// Prints the totals of the last `npm test` on one line, and lists skipped tests by name.
import { readFileSync } from "node:fs";

const results = JSON.parse(readFileSync(new URL("../.cache/test-results.json", import.meta.url), "utf8"));
const skipped = results.testResults.flatMap((file) =>
  file.assertionResults.filter((t) => t.status === "skipped" || t.status === "pending" || t.status === "todo"),
);
for (const test of skipped) console.log(`skipped: ${test.fullName}`);
console.log(`${results.numPassedTests} passed, ${results.numFailedTests} failed, ${skipped.length} skipped`);
