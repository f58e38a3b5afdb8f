#!/usr/bin/env node
import { fileURLToPath } from "node:url";
import { main } from "../dist/command/main.js";
import { runWithoutGuards } from "../dist/command/roomier.js";

const argv = process.argv.slice(2);
process.exitCode = await runWithoutGuards(fileURLToPath(import.meta.url), argv) ?? await main(argv);
