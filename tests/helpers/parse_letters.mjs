// Reads messages, one as JSON on each line, with the npm library that is named, and says what stands in them.
// Used by test_message_elsewhere.py, where node and the library are installed.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const library = createRequire(process.cwd() + "/")(process.argv[2]);
const read = {
    "postal-mime": async (raw) => {
        const found = await library.parse(raw);
        return { subject: found.subject, name: found.to[0].name, text: found.text };
    },
    mailparser: async (raw) => {
        const found = await library.simpleParser(raw);
        return { subject: found.subject, name: found.to.value[0].name, text: found.text };
    },
}[process.argv[2]];

for await (const line of createInterface({ input: process.stdin })) {
    const found = await read(JSON.parse(line).raw);
    found.text = found.text.replaceAll("\r\n", "\n").replace(/\n+$/, "");
    console.log(JSON.stringify(found));
}
