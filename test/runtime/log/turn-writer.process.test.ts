import { expect, it } from 'vitest'
import { Program } from '../../support/program.ts'

it('writes the last words of a process that exits in the middle of a turn', async () => {
  const module = new URL('../../../src/runtime/log/turn-writer.ts', import.meta.url).href
  const script = `import { TurnWriter } from ${JSON.stringify(module)}
    new TurnWriter(2).write('last words\\n'); process.exit(3)`
  await using program = new Program(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {})
  await program.exit
  expect(program.lines.entries).toContain('last words')
})
