import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { zooPage } from "./zooPage.ts";

it("docs/zoo.md is what npm run zoo writes", () => {
  const fixtures = fileURLToPath(new URL("../../test/fixtures", import.meta.url));
  const page = readFileSync(new URL("../../../../docs/zoo.md", import.meta.url), "utf8");
  expect(page === zooPage(fixtures), "it is out of date: run npm run zoo").toBe(true);
});
