import { expect, it } from 'vitest'
import { Program } from './program.ts'

const node = (script: string, stdin: 'pipe' | 'ignore' = 'ignore') =>
  new Program(process.execPath, ['-e', script], { stdin })

it('a program is read line by line from both streams', async () => {
  await using program = node('console.log("out"); console.error("err")')
  expect(await program.until('err')).toBe('err')
  expect(await program.exit).toEqual({ code: 0, signal: null })
  expect(program.output.entries).toEqual(['out'])
  expect([...program.lines.entries].sort()).toEqual(['err', 'out'])
})

it('waiting for a program that ends says how it ended and what it wrote', async () => {
  await using program = node('console.error("the reason"); process.exit(3)')
  await expect(program.until('ready')).rejects.toThrow(/ended with status 3:\nthe reason/)
})

it('a program takes input and signals', async () => {
  await using program = node('process.stdin.on("data", (d) => console.log("got " + d)); console.log("up")', 'pipe')
  await program.until('up')
  program.write('hello')
  await program.until('got hello')
  program.signal('SIGTERM')
  expect(await program.exit).toEqual({ code: null, signal: 'SIGTERM' })
})
