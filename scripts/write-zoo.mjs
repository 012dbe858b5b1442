// npm run zoo: writes docs/zoo.md from the registry of networks.
import { writeFileSync } from "node:fs";
import { importTesting } from "./bundle-testing.mjs";

const { zooPage } = await importTesting("zooPage");
writeFileSync("docs/zoo.md", zooPage("packages/fovea/test/fixtures"));
