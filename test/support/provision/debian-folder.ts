import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Program } from '../program.ts'
import { aptInstall } from './apt.ts'
import { findExecutable, run } from './command.ts'
import { missing } from './missing.ts'

const SCRIPT = fileURLToPath(new URL('./debian-folder.sh', import.meta.url))

/** A release of Debian whose packages the tests take. */
export type DebianRelease = 'trixie' | 'forky'

/**
 * The folder of RabbitMQ's, Celery's and Redis's programs of another Debian, for TWQ_TEST_RABBITMQ. Made once for each
 * user, in about a minute, under `$XDG_CACHE_HOME/twq`; needs root. Rejects with the reason when it can't be made.
 */
export async function debianPrograms(release: DebianRelease): Promise<string> {
  const purpose = `the packages of Debian ${release}`
  await assertMountsAllowed(purpose)
  if (!(await findExecutable('debootstrap', ['/usr/sbin']))) await aptInstall(['debootstrap'], purpose)
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  // A changed recipe makes a folder of its own: another run may be using this one.
  const recipe = createHash('sha256')
    .update(await readFile(SCRIPT))
    .digest('hex')
  const folder = join(cache, 'twq', `debian-${release}-${recipe.slice(0, 8)}`)
  await using made = new Program(SCRIPT, [release, folder])
  const { code } = await made.exit
  if (code !== 0) throw missing(purpose, `the folder ${folder} could not be made:\n${made.lines.tail()}`)
  return join(folder, 'programs')
}

/** A program of the folder runs in a mount namespace of its own: root may make one, unless a container forbids it. */
async function assertMountsAllowed(purpose: string): Promise<void> {
  if (process.getuid?.() !== 0) throw missing(purpose, 'putting them into a folder needs root')
  if (!(await findExecutable('apt-get'))) throw missing(purpose, 'there is no apt-get here, which knows a mirror')
  try {
    await run('unshare', ['--mount', 'true'])
  } catch (error) {
    throw missing(purpose, `mounts are not allowed here (${(error as Error).message})`)
  }
}
