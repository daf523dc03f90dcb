import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// The address of a Unix socket holds 108 bytes on Linux and 104 elsewhere, including a terminating zero.
const LONGEST_PATH = 103
const SUFFIX = '.sock'
const RANDOM_BYTES = 4

/**
 * The folders for local sockets in order of preference: `$XDG_RUNTIME_DIR/twq`, and one of this user's in the folder for
 * temporary files. Worker and probe use the same ones in the same order.
 */
export function socketFolders(env: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const user = process.getuid?.() ?? 0
  const own = join(tmpdir(), `twq-${user}`)
  return env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'twq'), own] : [own]
}

/** Creates the folder with access for this user only. Throws if another user owns it: the owner could answer in our name. */
export function claimFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const found = lstatSync(folder)
  if (!found.isDirectory()) throw new Error(`${folder} is not a folder`)
  if (found.uid !== process.getuid?.()) throw new Error(`${folder} belongs to another user (${found.uid})`)
  if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700)
}

/** A new path for the socket of `node`, used by no other process before or after; undefined where it would be too long. */
export function newSocketPath(folder: string, node: string): string | undefined {
  const path = join(folder, `${stemOf(folder, node)}.${randomBytes(RANDOM_BYTES).toString('hex')}${SUFFIX}`)
  return Buffer.byteLength(path) > LONGEST_PATH ? undefined : path
}

/** The sockets on which workers listen, or that they have left: those of `node`, or all. Folders of other users are skipped. */
export function existingSockets(folder: string, node?: string): string[] {
  let names: string[]
  try {
    const found = lstatSync(folder)
    if (!found.isDirectory() || found.uid !== process.getuid?.()) return []
    names = readdirSync(folder)
  } catch {
    return []
  }
  const stem = node === undefined ? undefined : stemOf(folder, node)
  return names
    .filter((name) => SOCKET.test(name) && (stem === undefined || name.replace(SOCKET, '') === stem))
    .map((name) => join(folder, name))
}

const SOCKET = new RegExp(`\\.[0-9a-f]{${2 * RANDOM_BYTES}}\\${SUFFIX}$`)

/** The node's name as far as it fits and is valid in a file name, else a hash of it. */
function stemOf(folder: string, node: string): string {
  const plain = encodeURIComponent(node).replaceAll('%40', '@')
  const rest = SUFFIX.length + 1 + 2 * RANDOM_BYTES
  if (Buffer.byteLength(join(folder, plain)) + rest <= LONGEST_PATH) return plain
  return createHash('sha256').update(node).digest('hex').slice(0, 16)
}
