/** In mocha's processes under c8: each writes what it covered when it ends, for which its pool gives it a second before SIGTERM, and it needs more. */
process.on("SIGTERM", () => process.exit());
