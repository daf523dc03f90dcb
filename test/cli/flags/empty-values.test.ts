import { expect, it } from 'vitest'
import type { Command } from '../../../src/cli/flags/commander.ts'
import { refuseEmptyValues } from '../../../src/cli/flags/empty-values.ts'
import { addFamilies, createProgram } from '../../../src/cli/program.ts'

it('refuses an empty value of every flag of every command, but for those where it means something', async () => {
  const program = createProgram(() => {})
  await addFamilies(program.commands, () => {})
  const accepted = new Set<string>()
  const visit = (command: Command): void => {
    for (const option of command.options.filter(({ required, optional }) => required || optional)) {
      const before = command.getOptionValue(option.attributeName())
      for (const empty of ['', ['a', '']]) {
        command.setOptionValue(option.attributeName(), empty)
        try {
          refuseEmptyValues(command)
          accepted.add(option.long ?? '')
        } catch (error) {
          expect(error).toMatchObject({ code: 'TWQ_USAGE', message: expect.stringContaining(`${option.long} needs`) })
        }
      }
      command.setOptionValue(option.attributeName(), before)
      expect(() => refuseEmptyValues(command)).not.toThrow()
    }
    command.commands.forEach(visit)
  }
  visit(program)
  expect([...accepted].sort()).toEqual(['--base-path', '--exclude-queues', '--routing-key'])
})
