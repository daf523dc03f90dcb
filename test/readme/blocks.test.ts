import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempFolder } from '../support/temp-folder.ts'
import { blocksOf, printsAs } from './blocks.ts'

describe('the fenced blocks of a document', () => {
  it('are found in order, with their languages and lines', async () => {
    const file = await aDocument('# Title\n\n```sh\nnpm ci\nnpm test\n```\n\ntext\n\n```\na drawing\n```\n')
    expect(blocksOf(file)).toEqual([
      { language: 'sh', text: 'npm ci\nnpm test', line: 3 },
      { language: '', text: 'a drawing', line: 10 },
    ])
  })

  it('must be closed', async () => {
    const file = await aDocument('```sh\nnpm ci\n')
    expect(() => blocksOf(file)).toThrow(/:1: this block is never closed/)
  })
})

describe('what a document shows', () => {
  it.each([
    ['5', '5\n', true],
    ['5', '55', false],
    ['1 + 1', '1 + 1', true],
    ['ready in … ms', 'ready in 12 ms', true],
    ['one\n…', 'one\ntwo', true],
    ['one …', 'one\ntwo', false],
  ])('%j is what was printed when it was %j: %s', (shown, printed, same) => {
    expect(printsAs(shown, printed)).toBe(same)
  })
})

async function aDocument(text: string): Promise<string> {
  const file = join(tempFolder(), 'README.md')
  await writeFile(file, text)
  return file
}
