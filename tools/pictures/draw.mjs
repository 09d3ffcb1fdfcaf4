// Read a JSON list of D2 sources from standard input, and write the list of their SVGs.
import { text } from "node:stream/consumers";
import { D2 } from "@d2lang/d2";

const d2 = new D2();
const drawn = [];
for (const source of JSON.parse(await text(process.stdin))) {
  const { diagram, renderOptions } = await d2.compile(source, { layout: "dagre", pad: 4 });
  drawn.push(await d2.render(diagram, { ...renderOptions, noXMLTag: true }));
}
process.stdout.write(JSON.stringify(drawn), () => process.exit());
