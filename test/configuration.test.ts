import { readFileSync } from "node:fs";
import { expect } from "chai";
import { withTables } from "../docs/make-configuration.js";
import { withExchangeTables } from "../docs/make-exchange.js";
import { hoLayout } from "../packages/diffusion/src/models/formats/torch-ho.js";
import { lucidrainsLayout } from "../packages/diffusion/src/models/formats/torch-lucidrains.js";
import { openaiLayout } from "../packages/diffusion/src/models/formats/torch-openai.js";

describe("docs/configuration.md", () => {
  it("shows the fields as they are: npm run config:table writes them", () => {
    const page = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");
    expect(page).to.equal(withTables(page));
  });

  it("has places for them", () => expect(() => withTables("nothing")).to.throw("no markers for fields"));
});

describe("docs/exchange.md", () => {
  it("shows what is read and what is refused as it is: docs/make-exchange.ts writes it", () => {
    const page = readFileSync(new URL("../docs/exchange.md", import.meta.url), "utf8");
    expect(page).to.equal(withExchangeTables(page));
    expect(page).to.contain("| `ScoreSdeVeScheduler` | ").and.contain("| `class_embed_type` | timestep, identity, or null | `null` |");
  });

  it("has places for it", () => expect(() => withExchangeTables("nothing")).to.throw("no markers for schedulers"));
});

describe("docs/pytorch-files.md", () => {
  it("names every field of --network", () => {
    const page = readFileSync(new URL("../docs/pytorch-files.md", import.meta.url), "utf8");
    for (const { fields, name } of [lucidrainsLayout, openaiLayout, hoLayout]) for (const field of Object.keys(fields)) expect(page, name).to.include(`\`${field}\``);
  });
});
