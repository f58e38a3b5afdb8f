/** 1 in the build for V8's revectorizer, otherwise 0: set by scripts/build-wasm.mjs. */
declare const REVECTORIZED: i32;
