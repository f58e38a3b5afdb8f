/** The `fromnoise` command on sources, as a program of its own: tests start, interrupt and kill it. */
import { main } from "../../src/command/main.js";

process.exitCode = await main(process.argv.slice(2));
