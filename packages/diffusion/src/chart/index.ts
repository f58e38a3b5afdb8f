/** Charts as SVG text, in Node and in pages. */
export { barsSvg, type Bar } from "./bars.js";
export { chartSvg, type ChartOptions, type Series } from "./chart.js";
export { escapeXml } from "./svg.js";
