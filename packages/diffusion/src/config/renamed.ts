/** Fields of a configuration that earlier versions wrote under another name. */

/** Old name to new, dotted. Only files may still say the old one: flags and code are told the new one. */
export const renamedFields: Readonly<Record<string, string>> = {
  objective: "prediction", clip: "gradClip", "sampling.clip": "sampling.clipX0",
};

/**
 * What a file holds of a configuration, under today's names. A field that stands there under both names keeps both, so that
 * whoever checks it refuses the old one.
 */
export function migrateFields(held: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...held };
  for (const [old, now] of Object.entries(renamedFields)) {
    const [outer, inner] = old.split(".");
    if (inner === undefined) rename(fields, outer, now);
    else if (typeof fields[outer] === "object" && fields[outer] !== null) {
      const group = { ...fields[outer] };
      rename(group, inner, now.slice(outer.length + 1));
      fields[outer] = group;
    }
  }
  return fields;
}

function rename(fields: Record<string, unknown>, old: string, now: string): void {
  if (!Object.hasOwn(fields, old) || Object.hasOwn(fields, now)) return;
  fields[now] = fields[old];
  delete fields[old];
}
