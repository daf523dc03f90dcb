import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findExecutable } from './command.ts'
import { missing } from './missing.ts'

const SCRIPT = fileURLToPath(new URL('./apt-install.sh', import.meta.url))

/** Installs Debian packages without starting or enabling a service; `purpose` is named when that can't be done. */
export async function aptInstall(packages: readonly string[], purpose: string): Promise<void> {
  if (!(await findExecutable('apt-get'))) throw missing(purpose, 'there is no apt-get here to install it with')
  if (process.getuid?.() !== 0) throw missing(purpose, `installing ${packages.join(' ')} needs root`)
  const folder = await mkdtemp(join(tmpdir(), 'twq-apt-'))
  const logPath = join(folder, 'log')
  const log = await open(logPath, 'w')
  try {
    // Its output goes to a file: the script must be able to finish, and to put things back, when we are killed.
    const script = spawn(SCRIPT, packages, { detached: true, stdio: ['ignore', log.fd, log.fd] })
    const [code] = await once(script, 'exit')
    if (code === 0) return
    const output = await readFile(logPath, 'utf8')
    throw missing(purpose, `apt-get install ${packages.join(' ')} failed (${reasonIn(output)})`)
  } finally {
    await log.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** apt marks what went wrong with an E. */
function reasonIn(output: string): string {
  const errors = output.match(/(?<=^E: ).*/gm) ?? [output.trim().slice(-500)]
  return [...new Set(errors)].join('; ')
}
