import { readFileSync } from 'node:fs'

/** A fenced block of a Markdown document. */
export interface Block {
  /** What follows the opening fence: `sh`, `ts`, … or nothing. */
  readonly language: string
  readonly text: string
  /** The line of the opening fence, from 1. */
  readonly line: number
}

/** All fenced blocks of a document, in order. */
export function blocksOf(file: string): Block[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  const blocks: Block[] = []
  for (let start = 0; start < lines.length; start++) {
    const [, language] = /^```(\w*)$/.exec(lines[start]!) ?? []
    if (language === undefined) continue
    const end = lines.indexOf('```', start + 1)
    if (end === -1) throw new Error(`${file}:${start + 1}: this block is never closed`)
    blocks.push({ language, text: lines.slice(start + 1, end).join('\n'), line: start + 1 })
    start = end
  }
  return blocks
}

/** Whether a program printed what a document shows; `…` in it stands for anything, but within its line. */
export function printsAs(shown: string, printed: string): boolean {
  const escaped = shown.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`).test(printed.trim())
}
