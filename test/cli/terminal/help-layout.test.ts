import { expect, it } from 'vitest'
import { addFamilies, createProgram } from '../../../src/cli/program.ts'

const tree = (command: ReturnType<typeof createProgram>): (typeof command)[] => [
  command,
  ...command.commands.flatMap((one) => tree(one)),
]

/** The help of every command for a terminal this wide, by the words that ask for it. */
async function helpTexts(width: number): Promise<Map<string, string>> {
  const program = createProgram(() => {}, undefined, width)
  await addFamilies(program.commands, () => {})
  const texts = new Map<string, string>()
  for (const command of tree(program)) {
    let text = ''
    command.configureOutput({ writeOut: (part) => (text += part) })
    command.outputHelp()
    texts.set(text.slice(0, text.indexOf('\n')), text)
  }
  return texts
}

it.each([80, 100, 132])('fits the help of every command on a terminal of %i columns', async (width) => {
  const texts = await helpTexts(width)
  expect(texts.size).toBeGreaterThan(50)
  const long = [...texts.values()].flatMap((text) => text.split('\n')).filter((line) => line.length > width)
  expect(long).toEqual([])
})

it('says the same, word for word, on a terminal of any width', async () => {
  const [narrow, wide] = await Promise.all([helpTexts(80), helpTexts(300)])
  const words = (texts: Map<string, string>) => [...texts.values()].map((text) => text.split(/\s+/).join(' '))
  expect(words(narrow)).toEqual(words(wide))
})
