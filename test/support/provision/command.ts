import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Runs a command to its end and answers with what it printed; a failure carries the command and the end of its output. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly timeout?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { maxBuffer: 64 << 20, ...options }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      const output = `${stdout}\n${stderr}`.trim().slice(-2000)
      reject(new Error(`${[command, ...args].join(' ')}: ${error.killed ? 'timed out' : `failed`}\n${output}`))
    })
  })
}

/** The path of an executable on PATH or in one of the other folders given. */
export async function findExecutable(name: string, otherFolders: readonly string[] = []): Promise<string | undefined> {
  for (const folder of [...otherFolders, ...(process.env.PATH ?? '').split(delimiter)]) {
    if (folder !== '' && (await isExecutable(join(folder, name)))) return join(folder, name)
  }
  return undefined
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
