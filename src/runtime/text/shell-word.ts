/** `text` as one word of a POSIX shell, quoted if necessary: for commands shown to the user. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
