/**
 * The API reference of the three packages: typedoc reads their public entries and writes a page for each of their 800 members; here they
 * become a page for each room of the sources, in docs/site/api.
 */
import { existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Application, type TypeDocOptions } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import type { DefaultTheme } from "vitepress";
import { root, site } from "./markdown/pages.js";

const PACKAGES = ["tensor", "nn", "diffusion"] as const;
const folder = join(site, "api");

interface Member {
  /** As typedoc's links name it: "@fromnoise/nn/classes/Adam.md". */
  readonly file: string;
  readonly name: string;
  readonly kind: string;
  /** Package and folder of its source: "nn/optim". */
  readonly room: string;
  readonly text: string;
}

/** Writes the pages. Throws when typedoc cannot read the packages, or says of a member not where it is defined. */
export async function writeApiPages(): Promise<void> {
  const out = mkdtempSync(join(tmpdir(), "fromnoise-api-"));
  try {
    await runTypedoc(out);
    const names = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md") && !name.endsWith("index.md"));
    const members = names.map((name) => memberOf(name, readFileSync(join(out, name), "utf8")));
    rmSync(folder, { recursive: true, force: true });
    const rooms = new Map<string, Member[]>();
    for (const member of members) rooms.set(member.room, [...rooms.get(member.room) ?? [], member]);
    const byFile = new Map(members.map((member) => [member.file, member]));
    for (const [room, inside] of rooms) write(`${room}.md`, roomPage(room, inside, byFile));
    for (const name of PACKAGES) write(`${name}/index.md`, packagePage(name, members));
    write("index.md", `# API\n\nWhat the three packages export, by the folders of their sources.\n\n${PACKAGES.map((name) => `* [@fromnoise/${name}](${name}/index.md)`).join("\n")}\n`);
  } finally {
    rmSync(out, { recursive: true });
  }
}

async function runTypedoc(out: string): Promise<void> {
  const options: TypeDocOptions & PluginOptions = {
    entryPoints: PACKAGES.map((name) => join(root, "packages", name, "src/index.ts")),
    tsconfig: join(root, "tsconfig.check.json"), plugin: ["typedoc-plugin-markdown"],
    skipErrorChecking: true, readme: "none", excludeInternal: true, excludePrivate: true, logLevel: "Error",
    disableGit: true, basePath: root, sourceLinkTemplate: "/source/packages/{path}.html#L{line}",
    outputFileStrategy: "members", hideBreadcrumbs: true, hidePageHeader: true, sanitizeComments: true, useCodeBlocks: true,
    parametersFormat: "table", interfacePropertiesFormat: "table", classPropertiesFormat: "table", typeDeclarationFormat: "table",
    name: "API", entryFileName: "index", out,
  };
  const app = await Application.bootstrapWithPlugins(options);
  const project = await app.convert();
  if (project === undefined || app.logger.hasErrors()) throw new Error("typedoc cannot read the packages");
  await app.generateOutputs(project);
}

/** A member's page, read: its heading, and where it says that it is defined. */
function memberOf(file: string, text: string): Member {
  const [, kind, name] = /^# (?:Abstract )?([\w ]+): (.*)$/m.exec(text) ?? [];
  const [, room] = /\(\/source\/packages\/(\w+\/src(?:\/[\w-]+(?=\/))?)/.exec(text) ?? [];
  if (name === undefined || room === undefined) throw new Error(`typedoc's page ${file} has no heading or no source`);
  return { file, kind, name: name.replaceAll("\\", ""), room: room.replace("/src/", "/").replace(/\/src$/, "/package"), text };
}

const anchor = ({ kind, name }: Member): string => `${kind.toLowerCase()}-${name}`.replaceAll(/[^\w]+/g, "-").replace(/-$/, "");

/** Members one below the other; headings one level down, links to where their aims now stand. */
function roomPage(room: string, members: readonly Member[], byFile: ReadonlyMap<string, Member>): string {
  const [name, part] = room.split("/");
  const body = [...members].sort(byName).map((member) => {
    const text = member.text.replace(/^# .*$/m, "").replaceAll(/^(#+) /gm, "#$1 ");
    return `## ${member.name.replaceAll("<", "&lt;")} {#${anchor(member)}}\n\n*${member.kind}*\n\n${relinked(harmless(text), member, byFile).trim()}\n`;
  });
  return `---\noutline: 2\nsearch: false\n---\n\n# ${name}: ${part}\n\n${body.join("\n")}`;
}

function packagePage(name: string, members: readonly Member[]): string {
  const own = members.filter(({ room }) => room.startsWith(`${name}/`));
  const rooms = [...new Set(own.map(({ room }) => room))].sort();
  const lists = rooms.map((room) => {
    const links = own.filter((member) => member.room === room).sort(byName)
      .map((member) => `[${member.name.replaceAll("<", "&lt;")}](${room.split("/")[1]}.md#${anchor(member)})`);
    return `## ${room.split("/")[1]}\n\n${links.join(" · ")}\n`;
  });
  return `# @fromnoise/${name}\n\n${lists.join("\n")}`;
}

const byName = (a: Member, b: Member): number => a.name.localeCompare(b.name, "en");

function relinked(text: string, member: Member, byFile: ReadonlyMap<string, Member>): string {
  return text.replaceAll(/\]\(([^)\s]+\.md)(#[^)\s]*)?\)/g, (whole, path: string) => {
    const to = byFile.get(join(dirname(member.file), path));
    if (to === undefined) return path.endsWith("index.md") ? "](index.md)" : whole;
    return `](/api/${to.room}.html#${anchor(to)})`;
  }).replaceAll(/\]\(#[^)\s]*\)/g, `](#${anchor(member)})`).replaceAll(/<a id="[^"]*"><\/a> ?/g, "");
}

/** Text in front of VitePress: `[N, 1]: a sentence` is no definition of a link, and `{{` starts no expression. */
function harmless(text: string): string {
  const parts = text.split(/(^```[\s\S]*?^```$)/m);
  return parts.map((part, i) => (i % 2 === 1 ? part : part.replaceAll(/^(\s*)\[([^\]\n]*)\]:/gm, "$1\\[$2\\]:").replaceAll("{{", "{<!-- -->{"))).join("");
}

function write(name: string, text: string): void {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** The packages, and the rooms of each. */
export function apiSidebar(): DefaultTheme.SidebarItem[] {
  if (!existsSync(folder)) return [];
  return PACKAGES.map((name) => ({
    text: `@fromnoise/${name}`, link: `/api/${name}/`,
    items: readdirSync(join(folder, name)).filter((file) => file !== "index.md").sort()
      .map((file) => ({ text: file.replace(/\.md$/, ""), link: `/api/${name}/${file.replace(/\.md$/, ".html")}` })),
  }));
}
