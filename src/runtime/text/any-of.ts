/** Words to choose from, as a sentence has them: `'a', 'b' or 'c'`. */
export function anyOf(words: readonly string[]): string {
  return words
    .map((word) => `'${word}'`)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1')
}
