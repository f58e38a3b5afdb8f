/** Kinds of values are nn's, whose networks check their configs by them too. */
export * from "@fromnoise/nn/kinds";
