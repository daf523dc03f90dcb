import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimPidFile } from '../../../src/runtime/process/pid-file.ts'

let root: string
let path: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'twq-pid-'))
  path = join(root, 'worker.pid')
})

afterEach(() => rmSync(root, { recursive: true }))

const content = () => readFileSync(path, 'utf8')

describe('a pid file', () => {
  it("holds this process's id, for its user alone, until it is given back", () => {
    {
      using _file = claimPidFile(path)
      expect(content()).toBe(`${process.pid}\n`)
      expect(lstatSync(path).mode & 0o777).toBe(0o600)
    }
    expect(existsSync(path)).toBe(false)
  })

  it('of a process that runs is refused, and stays as it is', () => {
    writeFileSync(path, `${process.ppid}\n`)
    expect(() => claimPidFile(path)).toThrow(
      expect.objectContaining({ code: 'TWQ_PIDFILE', message: expect.stringContaining(`process ${process.ppid}`) }),
    )
    expect(content()).toBe(`${process.ppid}\n`)
  })

  it('of a process that is gone is replaced', async () => {
    const child = spawn(process.execPath, ['-e', '0'])
    await once(child, 'exit')
    writeFileSync(path, `${child.pid}\n`)
    using _file = claimPidFile(path)
    expect(content()).toBe(`${process.pid}\n`)
  })

  it('is replaced when its id has gone to a process that started after it was written', () => {
    writeFileSync(path, `${process.ppid}\n`)
    utimesSync(path, 1, 1)
    using _file = claimPidFile(path)
    expect(content()).toBe(`${process.pid}\n`)
  })

  it.each(['', '\0\0\0\0', '0', '-1', `${process.pid}\n`])('that holds %j is nobody else’s', (text) => {
    writeFileSync(path, text)
    using _file = claimPidFile(path)
    expect(content()).toBe(`${process.pid}\n`)
  })

  it('is not what was there for another purpose: that stays', () => {
    writeFileSync(path, '{ "tasks": [] }')
    const refusal = expect.objectContaining({
      code: 'TWQ_PIDFILE',
      message: expect.stringContaining('is not a pid file'),
    })
    expect(() => claimPidFile(path)).toThrow(refusal)
    expect(content()).toBe('{ "tasks": [] }')
    expect(() => claimPidFile(root)).toThrow(refusal)
  })

  it('is not a device or a named pipe, which stay and are not read', () => {
    execFileSync('mkfifo', [path])
    const refusal = expect.objectContaining({
      code: 'TWQ_PIDFILE',
      message: expect.stringContaining('is not a pid file'),
    })
    expect(() => claimPidFile(path)).toThrow(refusal)
    expect(lstatSync(path).isFIFO()).toBe(true)
    const link = join(root, 'null.pid')
    symlinkSync('/dev/null', link)
    expect(() => claimPidFile(link)).toThrow(refusal)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
  })

  it('of a process that is gone goes to one of two that replace it at the same time', () => {
    writeFileSync(path, '99999999\n')
    const { rmSync: remove } = fs
    let second: unknown
    try {
      fs.rmSync = (target, options) => {
        fs.rmSync = remove
        syncBuiltinESMExports()
        // The first has found the file stale, and is about to delete it.
        try {
          claimPidFile(path)
        } catch (error) {
          second = error
        }
        remove(target, options)
      }
      syncBuiltinESMExports()
      using _file = claimPidFile(path)
      expect(second).toMatchObject({ code: 'TWQ_PIDFILE', message: expect.stringContaining('at this moment') })
    } finally {
      fs.rmSync = remove
      syncBuiltinESMExports()
    }
  })

  it('is refused while another process takes it, and not once that process has died in between', () => {
    writeFileSync(`${path}.lock`, `${process.ppid}\n`)
    expect(() => claimPidFile(path)).toThrow(
      expect.objectContaining({ code: 'TWQ_PIDFILE', message: expect.stringContaining('at this moment') }),
    )
    expect(existsSync(path)).toBe(false)
    utimesSync(`${path}.lock`, 1, 1)
    using _file = claimPidFile(path)
    expect(content()).toBe(`${process.pid}\n`)
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  it('that can not be written is told of, with what to do', () => {
    expect(() => claimPidFile(join(root, 'there/is/none.pid'))).toThrow(
      expect.objectContaining({ code: 'TWQ_PIDFILE', hint: expect.stringContaining('a folder that is there') }),
    )
  })

  it('is left alone when it belongs to another by then', () => {
    {
      using _file = claimPidFile(path)
      writeFileSync(path, '1\n')
    }
    expect(content()).toBe('1\n')
  })

  it('can not be where there is no folder', () => {
    expect(() => claimPidFile(join(root, 'missing/worker.pid'))).toThrow(
      expect.objectContaining({ code: 'TWQ_PIDFILE' }),
    )
  })
})
