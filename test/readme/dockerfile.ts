import { cp, mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Program } from '../support/program.ts'

/** Where the steps of a Dockerfile happen when there is no Docker. */
export interface Stage {
  /** The folder that COPY takes from. */
  readonly context: string
  /** The folder that stands for the image's root. */
  readonly image: string
  run(command: string, cwd: string): Promise<unknown>
  start(command: readonly string[], cwd: string): Program
  /** The line that says that the command of the image is up. */
  readonly ready: RegExp
}

/**
 * Follows a Dockerfile without Docker, as far as FROM, WORKDIR, COPY, RUN and a CMD in exec form go. Ends the command as
 * `docker stop` does, with SIGTERM to it alone, and rejects unless it leaves with status 0.
 */
export async function runDockerfile(text: string, stage: Stage): Promise<void> {
  let folder = stage.image
  for (const line of text.split('\n')) {
    const [, instruction = '', rest = ''] = /^(\w+) (.*)$/.exec(line) ?? []
    switch (instruction) {
      case '':
      case 'FROM':
        break
      case 'WORKDIR':
        folder = join(stage.image, rest)
        await mkdir(folder, { recursive: true })
        break
      case 'COPY':
        await copy(rest.split(' '), stage.context, folder)
        break
      case 'RUN':
        await stage.run(rest, folder)
        break
      case 'CMD': {
        await using program = stage.start(JSON.parse(rest) as string[], folder)
        await program.until(stage.ready)
        program.signal('SIGTERM')
        const { code, signal } = await program.exit
        if (code !== 0) throw new Error(`it ended with ${signal ?? `status ${code}`}:\n${program.lines.tail()}`)
        break
      }
      default:
        throw new Error(`a Dockerfile line that this reader does not know: ${line}`)
    }
  }
}

// `COPY a b ./` puts each under its own name into the folder; `COPY tasks tasks` copies a folder's content.
async function copy(paths: readonly string[], context: string, folder: string): Promise<void> {
  const target = paths.at(-1)!
  for (const path of paths.slice(0, -1)) {
    const to = target.endsWith('/') ? join(folder, target, basename(path)) : join(folder, target)
    await cp(join(context, path), to, { recursive: true })
  }
}
