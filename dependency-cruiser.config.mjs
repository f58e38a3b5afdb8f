/**
 * Imports run one way: diffusion -> nn -> tensor, and inside tensor ops -> core -> kernels, with the backends beside them, each
 * knowing the kernels and nothing above. TypeScript's project references stop none of this. `npm run imports` checks it and prints
 * the names of the rules that are broken.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = import.meta.dirname;
const tensor = "^packages/tensor/src/";

const diffusion = "^packages/diffusion/src/";

/** Files of the diffusion package that load in a page: all but the command and what needs Node. */
const pages = { path: diffusion, pathNot: `${diffusion}(command/|[^/]+/node/|node\\.ts$)` };

/** Files under one path must not import those under another. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** The packages of the house, each with those of the house that its package.json declares. */
const folders = {
  "@fromnoise/tensor": "packages/tensor", "@fromnoise/nn": "packages/nn", "@fromnoise/diffusion": "packages/diffusion",
};
const declared = [...Object.values(folders), "bench"].flatMap((folder) => {
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const own = Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) => folders[name] ?? []);
  const others = Object.values(folders).filter((other) => other !== folder && !own.includes(other));
  if (others.length === 0) return [];
  return forbid(`declared-by-${folder.split("/").at(-1)}`, `${folder}/package.json does not declare what this file imports`,
    { path: `^${folder}/src/` }, { path: `^(${others.join("|")})/` });
});

/** What a backend may see of the rest: the kernels, and how storage, shapes and failures are spoken of. */
const seenByBackends = `${tensor}(kernels/|core/(backend|shape|errors|location)\\.ts$|math/|platform/|backends/)`;

export default {
  forbidden: [
    forbid("tensor-is-the-ground", "tensor depends on no other package", { path: tensor }, { path: "^packages/(nn|diffusion)/" }),
    forbid("nn-over-tensor", "nn depends on tensor alone", { path: "^packages/nn/src/" }, { path: "^packages/diffusion/" }),
    forbid("packages-over-tools", "packages know neither tests nor benches, pages and scripts",
      { path: "^packages/[^/]+/src/" }, { path: "^(bench|site|docs|scripts|test|test-gpu|test-packages|test-scale|test-torture)/|^packages/[^/]+/test/" }),
    forbid("by-the-front-door", "another package gives what its entries export, so that nn and diffusion name no backend",
      { path: "^packages/([^/]+)/src/" },
      { path: "^packages/[^/]+/src/", pathNot: ["^packages/$1/", "^packages/[^/]+/src/(index|node|verify/chai|config/kinds)\\.ts$"] }),
    forbid("no-own-name", "a package does not import itself by name",
      { path: "^packages/([^/]+)/src/" }, { path: "^packages/$1/src/", dependencyTypesNot: ["local"] }),
    forbid("library-without-command", "who imports the library does not load the command",
      { path: "^packages/diffusion/src/(?!command/)" }, { path: "^packages/diffusion/src/command/" }),
    forbid("pages-without-node", "what a page may load imports no module of Node", pages, { dependencyTypes: ["core"] }),
    forbid("node-in-its-folders", "what a page may load knows neither the folders that need Node nor what decodes images there",
      pages, { path: `${diffusion}([^/]+/node/|node\\.ts$)|node_modules/(pngjs|@cornerstonejs)/` }),
    ...declared,

    forbid("kernels-stand-alone", "the contract speaks of shapes and of nothing else",
      { path: `${tensor}kernels/` }, { path: tensor, pathNot: `${tensor}(kernels/|core/shape\\.ts$)` }),
    forbid("kernels-take-types", "of shapes the contract needs the type; it computes with none of the core's functions",
      { path: `${tensor}kernels/` }, { path: `${tensor}core/shape\\.ts$`, dependencyTypesNot: ["type-only"] }),
    forbid("core-knows-kernels-alone", "the core knows no backend, no op and no observer",
      { path: `${tensor}core/` }, { path: tensor, pathNot: `${tensor}(core|kernels)/` }),
    forbid("backends-know-kernels", "a backend knows kernels, not tensors, devices or ops",
      { path: `${tensor}backends/` }, { path: tensor, pathNot: seenByBackends }),
    forbid("backends-apart", "no backend knows another",
      { path: `${tensor}backends/([^/]+)/` }, { path: `${tensor}backends/`, pathNot: `${tensor}backends/$1/` }),
    forbid("ops-name-no-backend", "ops run on whatever device their tensors live on",
      { path: `${tensor}ops/` }, { path: `${tensor}(backends|observers|verify)/|${tensor}open-device\\.ts$` }),
    forbid("observers-know-the-reference", "observers and checks compare with the reference and know no fast backend",
      { path: `${tensor}(observers|verify)/` }, { path: `${tensor}backends/(?!reference/)` }),

    // A circle that closes by types alone is none when the program runs: a tensor names its device, a device makes tensors.
    forbid("no-circles", "files that import each other cannot be read one after the other",
      {}, { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }),
    forbid("no-orphans", "a file that nothing imports and that starts nothing",
      { orphan: true, pathNot: "\\.d\\.ts$|/bin/|^docs/book/exercises/|^docs/site/public/" }, {}),
    // gpu.js is an optional peer of tensor, which the root installs.
    forbid("installed-by-its-own", "a package imports from npm what its package.json declares",
      { path: "^(packages/[^/]+|bench)/src/" }, { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev", "unknown"], pathNot: "^node_modules/gpu\\.js/" }),
    // What the site installs by its own lock file is not there before it is built; its own compiler checks those imports.
    forbid("resolvable", "an import that leads nowhere", { pathNot: "^docs/site/" }, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    moduleSystems: ["es6"],
    exclude: { path: "/(assembly|generated|dist|peers)/" },
    tsConfig: { fileName: join(root, "tsconfig.check.json") },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["fromnoise-source", "node", "import", "types", "default"],
    },
  },
};
