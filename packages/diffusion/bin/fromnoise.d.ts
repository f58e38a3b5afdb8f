/** The command: running this module runs it with the arguments of the process. */
export {};
