/** Alternatives as a phrase in a sentence: `'a', 'b' or 'c'`. */
export function anyOf(words: readonly string[]): string {
  return words
    .map((word) => `'${word}'`)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1')
}
