// `://user:` and then everything up to the last `@` before a blank or a quote: a password that was not
// percent-encoded may itself hold `/`, `:` and `@`, and showing too little is the safe mistake. Backslash pairs are
// taken whole, so the pattern also works on a text that is already JSON.
const PASSWORD_IN_URL = /(:\/\/[^\s:/?#@"\\]*:)(?:\\.|[^\s"\\])*@/g

const PASSWORD_IN_QUERY = /([?&;][a-z_]*password=)(?:\\.|[^\s"\\&;])*/gi

/** `text` with `mask` for each password of a URL in it. */
export function maskPasswords(text: string, mask = '***'): string {
  if (!text.includes('://')) return text
  return text.replace(PASSWORD_IN_URL, `$1${mask}@`).replace(PASSWORD_IN_QUERY, `$1${mask}`)
}
