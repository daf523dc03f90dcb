// What a terminal draws two columns wide: East Asian wide and full-width characters, emoji, and what U+FE0F makes one.
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u3247\u3250-\u4dbf\u4e00-\ua4c6\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2fb}\u{1f200}-\u{1f251}\u{20000}-\u{3fffd}]|\ufe0f|\p{Emoji_Presentation}/u
// What takes no column of its own: marks, format characters, and the second and third parts of a Hangul syllable.
const WITHOUT_WIDTH = /[\p{M}\p{Cf}\u1160-\u11ff]/gu
const NARROW = /^[\u0020-\u007e]*$/

let segmenter: Intl.Segmenter | undefined

/** The number of terminal columns that `text` takes, if it has no control characters. */
export function displayWidth(text: string): number {
  if (NARROW.test(text)) return text.length
  return graphemes(text).reduce((sum, grapheme) => sum + widthOf(grapheme), 0)
}

/** The longest beginning of `text` that takes at most `width` columns: it ends between two characters as a reader counts them. */
export function startWithin(text: string, width: number): string {
  if (NARROW.test(text)) return text.slice(0, Math.max(0, width))
  return within(graphemes(text), width).join('')
}

/** The longest end of `text` that takes at most `width` columns. */
export function endWithin(text: string, width: number): string {
  if (NARROW.test(text)) return width > 0 ? text.slice(-width) : ''
  return within(graphemes(text).reverse(), width).reverse().join('')
}

function within(parts: readonly string[], width: number): string[] {
  let room = width
  const end = parts.findIndex((part) => {
    room -= widthOf(part)
    return room < 0
  })
  return parts.slice(0, end === -1 ? parts.length : end)
}

function graphemes(text: string): string[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

function widthOf(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : [...grapheme.replace(WITHOUT_WIDTH, '')].length
}
