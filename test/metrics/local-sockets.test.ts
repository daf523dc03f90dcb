import { chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimFolder, existingSockets, newSocketPath, socketFolders } from '../../src/metrics/local-sockets.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'twq-sockets-'))
})

afterEach(() => rmSync(root, { recursive: true }))

describe('the folder of local sockets', () => {
  it("is the session's where there is one, and else one of the user's own", () => {
    const own = join(tmpdir(), `twq-${process.getuid?.()}`)
    expect(socketFolders({ XDG_RUNTIME_DIR: '/run/user/1' })).toEqual(['/run/user/1/twq', own])
    expect(socketFolders({})).toEqual([own])
  })

  it('is made for this user alone, and closed to others where it was open', () => {
    const folder = join(root, 'twq')
    for (let time = 0; time < 2; time += 1) {
      claimFolder(folder)
      expect(lstatSync(folder).mode & 0o777).toBe(0o700)
    }
    const open = join(root, 'open')
    mkdirSync(open, { mode: 0o755 })
    claimFolder(open)
    expect(lstatSync(open).mode & 0o777).toBe(0o700)
  })

  it('is never a link, a file, or somewhere below a folder that is not there', () => {
    mkdirSync(join(root, 'real'))
    symlinkSync(join(root, 'real'), join(root, 'link'))
    writeFileSync(join(root, 'file'), '')
    expect(() => claimFolder(join(root, 'link'))).toThrow(/is not a folder/)
    expect(() => claimFolder(join(root, 'file'))).toThrow(/is not a folder/)
    expect(() => claimFolder(join(root, 'missing/twq'))).toThrow(/ENOENT/)
    expect(existingSockets(join(root, 'link'))).toEqual([])
  })

  it("is never somebody else's", () => {
    // Root can give a folder away; whoever else runs this has none of root's.
    const foreign = process.getuid?.() === 0 ? join(root, 'foreign') : '/usr'
    if (foreign !== '/usr') {
      mkdirSync(foreign)
      chownSync(foreign, 12_345, 12_345)
    }
    expect(() => claimFolder(foreign)).toThrow(/belongs to another user/)
    expect(existingSockets(foreign)).toEqual([])
  })
})

describe('the path of a socket', () => {
  const touch = (path: string | undefined): string => {
    writeFileSync(path as string, '')
    return path as string
  }

  it('shows the node, is never the same twice, and is found by the node', () => {
    const paths = [newSocketPath(root, 'a@host'), newSocketPath(root, 'a@host')].map(touch)
    const other = touch(newSocketPath(root, 'a'))
    touch(join(root, 'a@host.sock'))
    touch(join(root, 'a@host.0123456z.sock'))
    expect(new Set(paths).size).toBe(2)
    for (const path of paths) expect(basename(path)).toMatch(/^a@host\.[0-9a-f]{8}\.sock$/)
    expect(existingSockets(root, 'a@host').sort()).toEqual([...paths].sort())
    expect(existingSockets(root, 'a')).toEqual([other])
    expect(existingSockets(root).length).toBe(3)
    expect(existingSockets(join(root, 'missing'))).toEqual([])
  })

  it.each(['../../etc/passwd@x', 'a/b@h', 'ünï@höst', '.@h', `${'n'.repeat(150)}@host`, `${'é'.repeat(90)}@h`])(
    'of %s stays in the folder, fits a socket address, and is found again',
    (node) => {
      const path = newSocketPath(root, node) as string
      expect(dirname(path)).toBe(root)
      expect(Buffer.byteLength(path)).toBeLessThanOrEqual(103)
      touch(path)
      expect(existingSockets(root, node)).toEqual([path])
      expect(existingSockets(root, `${node}x`)).toEqual([])
    },
  )

  it('is none where the folder lies too deep', () => {
    expect(newSocketPath(join(root, 'd'.repeat(80)), 'a@host')).toBeUndefined()
  })
})
