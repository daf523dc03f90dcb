// `://user:` and then everything up to the last `@` before a blank or a quote: a password that was not
// percent-encoded may itself hold `/`, `:` and `@`, and showing too little is the safe mistake. Backslash pairs are
// taken whole, so the pattern also works on a text that is already JSON.
const PASSWORD_IN_URL = /(:\/\/[^\s:/?#@"\\]*:)(?:\\.|[^\s"\\])*@/g

/** `text` with `***` for each password of a URL in it. */
export function maskPasswords(text: string): string {
  return text.includes('://') ? text.replace(PASSWORD_IN_URL, '$1***@') : text
}
