/** `text` as one word of a POSIX shell, quoted where it has to be: for commands that are shown. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
