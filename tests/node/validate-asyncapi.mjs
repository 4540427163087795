// node validate-asyncapi.mjs FILE: prints every error and warning; ends with 1 when there is an error.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const [file] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
const ERROR = 0, WARNING = 1;
for (const found of diagnostics.filter((d) => d.severity <= WARNING)) {
  const where = `${file}:${found.range.start.line + 1}`;
  console.log(`${found.severity === ERROR ? "error" : "warning"} ${where} ${found.path.join(".")}: ${found.message}`);
}
console.log(`${document ? document.channels().length : 0} channels, ${document ? document.operations().length : 0} operations`);
process.exit(!document || diagnostics.some((d) => d.severity === ERROR) ? 1 : 0);
