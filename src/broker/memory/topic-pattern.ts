/** The words of a routing key or a pattern; an empty key has none. */
export function wordsOf(key: string): readonly string[] {
  return key === '' ? [] : key.split('.')
}

/**
 * Whether a topic pattern fits a key: `*` is one word, `#` any number of them. Takes at most words × words steps,
 * however many `#` there are.
 */
export function matchesTopic(pattern: readonly string[], words: readonly string[]): boolean {
  let at = 0
  let word = 0
  let hash = -1
  let hashWord = 0
  while (word < words.length) {
    if (at < pattern.length && pattern[at] === '#') {
      hash = at++
      hashWord = word
    } else if (at < pattern.length && (pattern[at] === '*' || pattern[at] === words[word])) {
      at++
      word++
    } else if (hash >= 0) {
      // Let the last `#` swallow one more word and try again from there.
      at = hash + 1
      word = ++hashWord
    } else {
      return false
    }
  }
  while (pattern[at] === '#') at++
  return at === pattern.length
}
