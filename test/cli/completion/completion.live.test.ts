import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { startPython } from '../../support/python.ts'
import { runTwq, TWQ } from '../../support/run-twq.ts'
import { brokerUrl } from '../../support/services.ts'

const folder = mkdtempSync(join(tmpdir(), 'twq-completion-'))
symlinkSync(TWQ, join(folder, 'twq'))

afterAll(() => rmSync(folder, { recursive: true }))

it('completes what is typed into a bash, and leaves paths to it', async () => {
  const env = { PATH: [folder, process.env.PATH].join(delimiter), PS1: '' }
  const command = ['bash', '--norc', '--noprofile', '-i']
  await using bash = await startPython(['terminal.py', ...command], { broker: brokerUrl(), env }, { stdin: 'pipe' })
  bash.write('eval "$(twq completion bash)"; echo up-$((40 + 2))\r')
  await bash.until('up-42')
  /** Types, presses TAB, and has the line printed in place of run. */
  const typed = async (text: string, expected: string): Promise<void> => {
    bash.write(`${text}\t\u0001echo is: \r`)
    await bash.until(new RegExp(`^is: ${expected} *$`))
  }
  await typed('twq insp', 'twq inspect')
  await typed('twq inspect sch', 'twq inspect scheduled')
  await typed('twq worker start --poo', 'twq worker start --pool')
  await typed('twq worker start --pool thr', 'twq worker start --pool threads')
  await typed('twq worker start --pool=thr', 'twq worker start --pool=threads')
  await typed(`twq -A ${folder}/tw`, `twq -A ${folder}/twq`)
})

it.each(['bash', 'zsh', 'fish'])('prints a script for %s, which asks twq what may follow', async (shell) => {
  const { status, stdout } = await runTwq(['completion', shell])
  expect(status).toBe(0)
  expect(stdout).toContain(`completion ${shell} -- `)
  const asked = await runTwq(['completion', shell, '--', 'inspect', 'sched'])
  expect(asked.stdout).toMatch(/^scheduled([:\t]tasks that wait for their ETA)?\n$/)
})

it('names the shells that it knows to one that it does not', async () => {
  const { status, stderr } = await runTwq(['completion', 'tcsh'])
  expect(status).toBe(2)
  expect(stderr).toContain('bash, zsh, fish')
})
