import { expect, it } from 'vitest'
import { startDevBroker } from '../../../src/devbroker/server.ts'
import { aProject } from '../../support/a-project.ts'
import { startPython } from '../../support/python.ts'
import { TWQ } from '../../support/worker-process.ts'

const ALTERNATE_SCREEN = '\u001b[?1049h'
const USUAL_SCREEN = '\u001b[?1049l'

// What bash says of a program that was stopped.
const STOPPED = 148

it.each([
  { command: 'top', ready: 'q quit', taken: ALTERNATE_SCREEN, released: USUAL_SCREEN, key: 's', answer: 'by state' },
  { command: 'dev', ready: 'h for help', taken: '', released: '', key: 'h', answer: 'r  reload' },
])('Ctrl-Z suspends twq $command, and fg continues it', async ({ command, ready, taken, released, key, answer }) => {
  await using broker = await startDevBroker()
  using project = aProject({})
  const env = { NO_COLOR: '1', PROMPT_COMMAND: 'echo prompt $?', TWQ_BROKER: broker.url }
  const shell = ['terminal.py', 'bash', '--norc', '--noprofile', '-i']
  await using terminal = await startPython(shell, { broker: broker.url, env }, { stdin: 'pipe' })
  const { output } = terminal
  const write = (text: string): ((found: string) => Promise<string>) => {
    const from = output.entries.length
    terminal.write(text)
    return (found) => output.until((line) => line.includes(found), { from })
  }
  await write(`'${process.execPath}' '${TWQ}' ${command} --cwd '${project.folder}'\r`)(ready)

  const stopped = write('\u001a')
  await stopped(released)
  await stopped(`prompt ${STOPPED}`)
  await write('fg\r')(taken)
  await write(key)(answer)
  await write('q')('prompt 0')
  await write('exit\r')('exit')
  expect(await terminal.exit).toMatchObject({ code: 0 })
})
